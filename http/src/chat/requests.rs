//! What each type of request does.

use fanone_base::Id;
use serde::Serialize;
use volo_gen::fanone::social::{
    HistoryReq, MarkReadReq, SendMessageReq, TakeUnreadReq, UnreadConversation, UnreadSummaryReq,
};

use super::frame::{self, Request};
use crate::{
    calls,
    compose::{Problem, existence, video::wire},
    extract::Either,
    objects::{Items, Listing, Message, id_or_empty},
    state::App,
};

/// What an answer brings.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Data {
    Message(Message),
    Page(Listing<Message>),
    Messages(Items<Message>),
    Summary(Items<Unread>),
}

/// A conversation with messages that the user has not read. It has `user_id` or `group_id`.
#[derive(Debug, Serialize)]
pub(crate) struct Unread {
    #[serde(serialize_with = "id_or_empty", skip_serializing_if = "Option::is_none")]
    user_id: Option<i64>,
    #[serde(serialize_with = "id_or_empty", skip_serializing_if = "Option::is_none")]
    group_id: Option<i64>,
    unread: i64,
    pub(crate) last: Message,
}

/// A request that was carried out.
#[derive(Debug, Default)]
pub(crate) struct Served {
    pub(crate) data: Option<Data>,
    /// A frame for others, to be sent after the answer.
    pub(crate) push: Option<Push>,
}

/// A frame for those who are to be told.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) to: Vec<Id>,
    pub(crate) frame: String,
}

impl From<Data> for Served {
    fn from(data: Data) -> Self {
        Self { data: Some(data), push: None }
    }
}

/// Carries out a request of the user for whom this task calls.
pub(crate) async fn serve(app: &App, seq: Option<&str>, request: Request) -> Result<Served, Problem> {
    match request {
        Request::SendToUser { to, content } => {
            existence::user(app, to).await?;
            send(app, Either::First(to), content, seq).await
        }
        Request::SendToGroup { group, content } => send(app, Either::Second(group), content, seq).await,
        Request::HistoryWith { user, page } => {
            let request = HistoryReq { user_id: Some(user.0), group_id: None, page: wire(page) };
            history(app, request).await
        }
        Request::HistoryOf { group, page } => {
            let request = HistoryReq { user_id: None, group_id: Some(group.0), page: wire(page) };
            history(app, request).await
        }
        Request::TakeUnread { user } => {
            let answer =
                calls::answer(app.services.social.take_unread(TakeUnreadReq { user_id: user.0 })).await?;
            let items = answer.messages.into_iter().map(|row| app.view.message(row)).collect();
            Ok(Data::Messages(Items { items }).into())
        }
        Request::Summary => Ok(Data::Summary(Items { items: summary(app).await? }).into()),
        Request::MarkRead { conversation, message } => {
            let (user_id, group_id) = peer(conversation);
            let request = MarkReadReq { user_id, group_id, message_id: message.0 };
            calls::answer(app.services.social.mark_read(request)).await?;
            Ok(Served::default())
        }
    }
}

/// The conversations in which something is unread.
pub(crate) async fn summary(app: &App) -> Result<Vec<Unread>, Problem> {
    let answer = calls::answer(app.services.social.unread_summary(UnreadSummaryReq {})).await?;
    let unread = |row: UnreadConversation| Unread {
        user_id: row.user_id,
        group_id: row.group_id,
        unread: row.unread,
        last: app.view.message(row.last),
    };
    Ok(answer.items.into_iter().map(unread).collect())
}

async fn send(app: &App, to: Either, content: String, seq: Option<&str>) -> Result<Served, Problem> {
    let (to_user_id, group_id) = peer(to);
    let seq = seq.map(|seq| seq.to_owned().into());
    let request = SendMessageReq { to_user_id, group_id, content: content.into(), seq };
    let answer = calls::answer(app.services.social.send_message(request)).await?;
    let message = app.view.message(calls::present(answer.message)?);
    let to: Vec<Id> = answer.recipients.into_iter().map(Id).collect();
    let push = (!to.is_empty()).then(|| Push { to, frame: frame::push(&message) });
    Ok(Served { data: Some(Data::Message(message)), push })
}

async fn history(app: &App, request: HistoryReq) -> Result<Served, Problem> {
    let answer = calls::answer(app.services.social.history(request)).await?;
    let items = answer.messages.into_iter().map(|row| app.view.message(row)).collect();
    Ok(Data::Page(Listing { items, total: answer.total }).into())
}

/// A conversation as requests name it: by a user, or by a group.
fn peer(conversation: Either) -> (Option<i64>, Option<i64>) {
    match conversation {
        Either::First(user) => (Some(user.0), None),
        Either::Second(group) => (None, Some(group.0)),
    }
}
