use fanone_base::{Bucket, Code, Failure, Id, Page};
use futures::future::join_all;
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, Statement};

use super::{Draft, Ends, Peer, send::Sent};
use crate::{
    error::SocialError,
    store::conversations,
    testing::{ALL, Site},
};

impl Site {
    async fn try_say(&self, from: Id, to: Peer, content: &str) -> Result<Sent, SocialError> {
        self.chat.send(Draft { from, to, content: content.to_owned(), seq: None }).await
    }

    async fn say(&self, from: Id, to: Peer, content: &str) -> Sent {
        self.try_say(from, to, content).await.unwrap()
    }

    /// The texts of a conversation, newest first, and how many there are.
    async fn texts(&self, user: Id, peer: Peer) -> (Vec<String>, i64) {
        let history = self.chat.history(user, peer, ALL).await.unwrap();
        (history.messages.into_iter().map(|message| message.content).collect(), history.total)
    }

    /// How many messages `user` has not read, by conversation, latest first.
    async fn unread(&self, user: Id) -> Vec<(Peer, i64)> {
        let summary = self.chat.unread_summary(user).await.unwrap();
        summary.into_iter().map(|conversation| (conversation.peer, conversation.unread)).collect()
    }

    async fn group_of(&self, members: &[Id]) -> Peer {
        let group = self.groups.create(members[0], "group".to_owned()).await.unwrap();
        for member in &members[1..] {
            self.groups.join(*member, group.id).await.unwrap();
        }
        Peer::Group(group.id)
    }
}

#[tokio::test]
async fn both_sides_have_the_same_conversation() {
    let site = Site::open().await;
    let (alice, bob) = (site.user(1), site.user(0));
    let first = site.say(alice, Peer::User(bob), "hello").await;
    assert_eq!((first.message.from, first.message.to), (alice, Peer::User(bob)));
    assert_eq!(first.recipients, [bob]);
    assert_eq!(first.message.id.bucket(), alice.min(bob).bucket());
    let second = site.say(bob, Peer::User(alice), "hi").await;
    assert!(second.message.id > first.message.id);

    let of_alice = site.chat.history(alice, Peer::User(bob), ALL).await.unwrap();
    let of_bob = site.chat.history(bob, Peer::User(alice), ALL).await.unwrap();
    assert_eq!(of_alice, of_bob);
    assert_eq!((of_alice.messages, of_alice.total), (vec![second.message, first.message.clone()], 2));
    let page = site.chat.history(bob, Peer::User(alice), Page { num: 1, size: 1 }).await.unwrap();
    assert_eq!((page.messages, page.total), (vec![first.message], 2));
}

#[tokio::test]
async fn nobody_talks_to_themselves_and_silence_is_empty() {
    let site = Site::open().await;
    let (alice, bob) = (site.user(0), site.user(1));
    let refused = site.try_say(alice, Peer::User(alice), "me").await.unwrap_err();
    assert!(refused.public_message().starts_with("to_user_id: "));
    assert_eq!(site.texts(alice, Peer::User(bob)).await, (vec![], 0));
    assert_eq!(site.chat.take_unread(alice, bob).await.unwrap(), []);
    assert_eq!(site.unread(alice).await, []);
    let mark = site.chat.mark_read(alice, Peer::User(bob), Id(5)).await.unwrap_err();
    assert_eq!(mark.code(), Code::MessageNotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seq_at_the_same_time_stores_once() {
    let site = Site::open().await;
    let (alice, bob) = (site.user(0), site.user(1));
    let draft =
        |to, seq: &[u8]| Draft { from: alice, to, content: "once".to_owned(), seq: Some(seq.to_vec()) };
    let sends = (0..50).map(|_| {
        let (chat, draft) = (site.chat.clone(), draft(Peer::User(bob), b"a"));
        tokio::spawn(async move { chat.send(draft).await.unwrap() })
    });
    let sent: Vec<Sent> = join_all(sends).await.into_iter().map(Result::unwrap).collect();
    assert!(sent.windows(2).all(|pair| pair[0].message == pair[1].message));
    let told = sent.iter().filter(|sent| !sent.recipients.is_empty());
    assert_eq!(told.count(), 1, "the receiver is told once");
    assert_eq!(site.unread(bob).await, [(Peer::User(alice), 1)]);

    let capital = site.chat.send(draft(Peer::User(bob), b"A")).await.unwrap();
    let elsewhere = site.chat.send(draft(Peer::User(site.user(0)), b"a")).await.unwrap();
    assert_eq!((capital.recipients.len(), elsewhere.recipients.len()), (1, 1));
    assert_eq!(site.texts(bob, Peer::User(alice)).await.1, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_ids_is_the_order_of_storing() {
    let site = Site::open().await;
    let (alice, bob) = (site.user(0), site.user(1));
    let sends = (0..200_u32).map(|n| {
        let chat = site.chat.clone();
        let (from, to) = if n % 2 == 0 { (alice, bob) } else { (bob, alice) };
        let draft = Draft { from, to: Peer::User(to), content: n.to_string(), seq: None };
        tokio::spawn(async move { chat.send(draft).await.unwrap() })
    });
    join_all(sends).await.into_iter().for_each(|sent| drop(sent.unwrap()));
    let shard = site.store.shard(alice.min(bob).bucket());
    // SQLite numbers rows as they come.
    let select = Statement::from_string(DbBackend::Sqlite, "SELECT id FROM messages ORDER BY rowid");
    let rows = shard.read().query_all_raw(select).await.unwrap();
    let ids: Vec<i64> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert_eq!(ids.len(), 200);
    assert!(ids.is_sorted_by(|one, next| one < next));
    let count = conversations::Entity::find().count(shard.read()).await.unwrap();
    assert_eq!(count, 1, "two who begin at the same time share one conversation");
}

#[tokio::test]
async fn an_id_is_above_the_one_before_even_if_the_clock_is_behind() {
    let site = Site::open().await;
    let (alice, bob) = (site.user(0), site.user(1));
    site.say(alice, Peer::User(bob), "now").await;
    let shard = site.store.shard(alice.min(bob).bucket());
    let ends = Ends::of(alice, Peer::User(bob));
    let conversation = conversations::find(shard.read(), ends).await.unwrap().unwrap();
    // A replica whose clock is an hour ahead.
    let ahead = Id(conversation.last_message.0 + ((3_600_000_i64) << 22));
    shard.write(move |tx| Box::pin(conversations::add_message(tx, conversation.id, ahead))).await.unwrap();
    let next = site.say(bob, Peer::User(alice), "later").await.message.id;
    assert_eq!(next.0, ahead.0 + i64::from(Bucket::COUNT));
    assert_eq!(next.bucket(), ahead.bucket());
}

#[tokio::test]
async fn unread_messages_are_taken_once() {
    let site = Site::open().await;
    let (alice, bob, carol) = (site.user(0), site.user(1), site.user(1));
    site.say(alice, Peer::User(bob), "one").await;
    site.say(bob, Peer::User(alice), "mine").await;
    site.say(carol, Peer::User(bob), "psst").await;
    site.say(alice, Peer::User(bob), "two").await;
    let summary = site.chat.unread_summary(bob).await.unwrap();
    assert_eq!(site.unread(bob).await, [(Peer::User(alice), 2), (Peer::User(carol), 1)]);
    assert_eq!((summary[0].last.content.as_str(), summary[0].last.to), ("two", Peer::User(bob)));

    let taken = site.chat.take_unread(bob, alice).await.unwrap();
    let texts: Vec<&str> = taken.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(texts, ["two", "one"], "not one's own");
    assert_eq!(site.chat.take_unread(bob, alice).await.unwrap(), []);
    assert_eq!(site.unread(bob).await, [(Peer::User(carol), 1)]);
    assert_eq!(site.unread(alice).await, [(Peer::User(bob), 1)], "the other side has its own count");
}

#[tokio::test]
async fn of_very_many_unread_messages_the_newest_are_taken_and_all_are_read() {
    let site = Site::open().await;
    let (alice, bob) = (site.user(0), site.user(1));
    for n in 0..105 {
        site.say(alice, Peer::User(bob), &n.to_string()).await;
    }
    let taken = site.chat.take_unread(bob, alice).await.unwrap();
    assert_eq!((taken.len(), taken[0].content.as_str(), taken[99].content.as_str()), (100, "104", "5"));
    assert_eq!(site.unread(bob).await, []);
    assert_eq!(site.texts(bob, Peer::User(alice)).await.1, 105);
}

#[tokio::test]
async fn mark_read_goes_forward_only_and_stays_in_the_conversation() {
    let site = Site::open().await;
    let (alice, bob, carol) = (site.user(0), site.user(1), site.user(0));
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        ids.push(site.say(alice, Peer::User(bob), text).await.message.id);
    }
    let foreign = site.say(carol, Peer::User(bob), "psst").await.message.id;
    let with_alice = Peer::User(alice);
    for (message, left) in [(ids[1], 1), (ids[0], 1)] {
        site.chat.mark_read(bob, with_alice, message).await.unwrap();
        assert_eq!(site.unread(bob).await[1], (with_alice, left));
    }
    for wrong in [foreign, Id(ids[2].0 + 1024)] {
        let refused = site.chat.mark_read(bob, with_alice, wrong).await.unwrap_err();
        assert_eq!(refused.code(), Code::MessageNotFound);
    }
    assert_eq!(site.chat.take_unread(bob, alice).await.unwrap()[0].id, ids[2]);
}

#[tokio::test]
async fn a_group_message_is_unread_for_everybody_else() {
    let site = Site::open().await;
    let (alice, bob, carol) = (site.user(0), site.user(1), site.user(0));
    let group = site.group_of(&[alice, bob]).await;
    site.say(alice, group, "before carol").await;
    let Peer::Group(id) = group else { unreachable!() };
    site.groups.join(carol, id).await.unwrap();

    let sent = site.say(alice, group, "welcome").await;
    assert_eq!((sent.message.to, sent.recipients.len()), (group, 2));
    assert!(sent.recipients.contains(&bob) && sent.recipients.contains(&carol));
    assert_eq!(site.unread(alice).await, []);
    assert_eq!(site.unread(bob).await, [(group, 2)]);
    assert_eq!(site.unread(carol).await, [(group, 1)], "what was said before counts as read");
    assert_eq!(site.texts(carol, group).await, (vec!["welcome".to_owned(), "before carol".to_owned()], 2));
    site.chat.mark_read(bob, group, sent.message.id).await.unwrap();
    assert_eq!(site.unread(bob).await, []);
}

#[tokio::test]
async fn what_is_in_a_group_is_for_its_members() {
    let site = Site::open().await;
    let (alice, eve) = (site.user(0), site.user(1));
    let group = site.group_of(&[alice]).await;
    let message = site.say(alice, group, "secret").await.message.id;
    let private = site.say(alice, Peer::User(eve), "private").await.message;
    let shard = site.store.shard(alice.min(eve).bucket());
    let ends = Ends::of(alice, Peer::User(eve));
    let conversation = conversations::find(shard.read(), ends).await.unwrap().unwrap();
    for (peer, code) in [
        (group, Code::NotAMember),
        (Peer::Group(site.user(0)), Code::GroupNotFound),
        // The id of a private conversation is no group, even for those who talk in it.
        (Peer::Group(conversation.id), Code::GroupNotFound),
    ] {
        let refused = [
            site.try_say(eve, peer, "hello").await.map(drop),
            site.chat.history(eve, peer, ALL).await.map(drop),
            site.chat.mark_read(eve, peer, message).await,
        ];
        for result in refused {
            assert_eq!(result.unwrap_err().code(), code);
        }
    }
    assert_eq!(site.texts(eve, Peer::User(alice)).await, (vec![private.content], 1));
}
