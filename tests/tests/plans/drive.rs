//! Does everything that can be done at the site.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fanone_tests::{Chat, Client, Json as _, Site, client::PASSWORD, clips, pictures, tus};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::fill::World;

/// Of a list with thousands of rows.
const FAR: u32 = 20;

pub(crate) struct Drive<'a> {
    pub(crate) site: &'a Site,
    pub(crate) world: &'a World,
    pub(crate) star: &'a Client,
    pub(crate) fan: &'a Client,
}

impl Drive<'_> {
    pub(crate) async fn everything(&self) {
        self.accounts().await;
        self.second_factor().await;
        self.videos().await;
        self.search().await;
        self.uploads().await;
        self.interactions().await;
        self.relations().await;
        self.groups().await;
        self.chat().await;
    }

    async fn accounts(&self) {
        let guest = self.site.guest();
        // Past the look at the name, all but one meet the index.
        let all = join_all((0..4).map(|_| guest.register("heidi", PASSWORD))).await;
        assert_eq!(all.iter().filter(|answer| answer.is_success()).count(), 1);
        let mut heidi = self.site.guest();
        assert!(!heidi.login("heidi", "a wrong password").await.is_success());
        heidi.login("heidi", PASSWORD).await.success();
        guest.get("/user/info").with("user_id", &heidi.id).send().await.success();
        for number in 1..3 {
            let avatar = heidi.put("/user/avatar/upload").file("me.png", pictures::png(number));
            avatar.send().await.success();
        }
        for path in ["/user/image/search", "/image/search"] {
            guest.post(path).file("me.png", pictures::png(1)).send().await.success();
        }
        let answer = heidi.post("/auth/refresh").send().await;
        answer.success();
        let used_again = heidi.clone();
        heidi.take_tokens(&answer);
        heidi.post("/auth/logout").send().await.success();
        used_again.post("/auth/refresh").send().await;
    }

    async fn second_factor(&self) {
        let ivan = self.site.user("ivan").await;
        let secret = ivan.get("/auth/mfa/qrcode").send().await.success().text("secret");
        let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
        let now_s = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        // Three codes in a row are in force for 20 s at least.
        while now_s() % 30 > 10 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let codes = [now_s() - 30, now_s(), now_s() + 30].map(|time| totp.generate(time).to_string());
        ivan.post("/auth/mfa/bind").with("code", &codes[0]).send().await.success();
        let mut again = self.site.guest();
        assert!(!again.login_with_code(&ivan.name, &codes[0]).await.is_success(), "a code is used once");
        again.login_with_code(&ivan.name, &codes[1]).await.success();
        let unbind = again.post("/auth/mfa/unbind").with("code", &codes[2]).with("password", PASSWORD);
        unbind.send().await.success();
    }

    async fn videos(&self) {
        let (star, fan) = (self.star, self.fan);
        let video = self.world.video.to_string();
        fan.get("/video/feed").send().await.success();
        // Where all of them are newer, half of them, and very few.
        for time in [5, 11_000_000, 20_950_000] {
            fan.get("/video/feed").with("latest_time", time).send().await.success();
        }
        for page in [0, FAR] {
            fan.get("/video/popular").page(page, 100).send().await.success();
            fan.get("/video/list").with("user_id", &star.id).page(page, 100).send().await.success();
        }
        fan.get("/video/list").with("user_id", &fan.id).send().await.success();
        fan.get("/video/info").with("video_id", &video).send().await.success();
        for visitor in [fan, star, fan] {
            visitor.post("/video/visit").with("video_id", &video).send().await.success();
        }
        let mine = fan.publish("mine").await.text("id");
        star.delete("/video/delete").with("video_id", &mine).send().await;
        fan.delete("/video/delete").with("video_id", &mine).send().await.success();
    }

    async fn search(&self) {
        let search = || self.fan.post("/video/search");
        for page in [0, FAR] {
            search().with("keywords", "title").page(page, 100).send().await.success();
            search().with("keywords", "").page(page, 100).send().await.success();
            let of_star = || search().with("username", &self.star.name).page(page, 100);
            of_star().with("keywords", "title").send().await.success();
            of_star().with("keywords", "").with("from_date", 1_000_000).send().await.success();
            let between = search().with("from_date", 1_000_000).with("to_date", 5_000_000).page(page, 100);
            between.with("keywords", "title").send().await.success();
            search().with("keywords", "nothing has this").page(page, 100).send().await.success();
        }
        search().with("keywords", "").with("to_date", 5_000_000).page(0, 10).send().await.success();
    }

    async fn uploads(&self) {
        let (star, file) = (self.star, clips::padded(50_000));
        let create = || star.tus_create(50_000, "title dHVz").send();
        let url = tus::location(&create().await);
        star.tus(Method::HEAD, &url).send().await;
        assert_eq!(star.tus_patch(&url, 0, file[..20_000].to_vec()).send().await.status, 204);
        assert_eq!(star.tus_patch(&url, 20_000, file[20_000..].to_vec()).send().await.status, 204);
        let url = tus::location(&create().await);
        assert!(star.tus_terminate(&url).await.status < 300);
    }

    async fn interactions(&self) {
        let (star, fan) = (self.star, self.fan);
        let (video, comment) = (self.world.video.to_string(), self.world.comment.to_string());
        for action in [1, 1, 2] {
            fan.like_video(&video, action).await.success();
            fan.like_comment(&comment, action).await.success();
        }
        for page in [0, FAR] {
            star.get("/like/list").with("user_id", &fan.id).page(page, 100).send().await.success();
            for (field, id) in [("video_id", &video), ("comment_id", &comment)] {
                star.get("/comment/list").with(field, id).page(page, 100).send().await.success();
            }
        }
        star.get("/like/list").with("user_id", &star.id).send().await.success();
        let first = fan.comment(&video, "first").await.text("id");
        let second = star.reply(&first, "second").await.text("id");
        fan.reply(&second, "third").await;
        fan.delete("/comment/delete").with("comment_id", &first).send().await.success();
        star.delete("/comment/delete").with("comment_id", &comment).send().await.success();
    }

    async fn relations(&self) {
        let (star, fan) = (self.star, self.fan);
        for action in [0, 0, 1, 0] {
            fan.follow(&star.id, action).await.success();
        }
        star.follow(&fan.id, 0).await.success();
        for page in [0, FAR] {
            star.get("/following/list").with("user_id", &fan.id).page(page, 100).send().await.success();
            fan.get("/follower/list").with("user_id", &star.id).page(page, 100).send().await.success();
            fan.get("/friends/list").page(page, 100).send().await.success();
        }
    }

    async fn groups(&self) {
        let group = self.world.group.to_string();
        let eve = self.site.user("eve").await;
        eve.join_group(&group).await;
        eve.join_group(&group).await;
        for page in [0, 3] {
            eve.get("/group/members").with("group_id", &group).page(page, 100).send().await.success();
            self.fan.get("/group/list").page(page, 100).send().await.success();
        }
        let own = eve.create_group("own").await;
        for group in [&own, &group] {
            eve.post("/group/leave").with("group_id", group).send().await.success();
        }
        eve.get("/group/members").with("group_id", &group).send().await;
    }

    async fn chat(&self) {
        let (star, fan, group) = (self.star, self.fan, self.world.group.to_string());
        let mut of_fan = Chat::connect(self.site, fan).await;
        let mut of_star = Chat::connect(self.site, star).await;
        let page = |mut target: Value, num: u32| {
            target["page_num"] = json!(num);
            target["page_size"] = json!(100);
            target
        };
        of_fan.say(star, "the first word").await;
        of_fan.ask_as(1, "twice", json!({"to_user_id": star.id, "content": "hi"})).await.success();
        of_fan.ask_as(1, "twice", json!({"to_user_id": star.id, "content": "hi"})).await.success();
        of_star.say(fan, "an answer").await;
        let of_group = json!({"group_id": group});
        let with_fan = json!({"user_id": fan.id});
        for (kind, data) in [(2, page(with_fan.clone(), 0)), (3, with_fan.clone()), (6, json!({}))] {
            of_star.ask(kind, data).await.success();
        }
        for (kind, data) in [(5, page(of_group.clone(), 0)), (5, page(of_group, FAR)), (6, json!({}))] {
            of_fan.ask(kind, data).await.success();
        }
        let sent = of_fan.say_to_group(&group, "to everybody").await;
        // One of 500 messages to read, then the last.
        let early = (self.world.last_message_of_group() - 400 * 1024).to_string();
        for message in [early, sent.text("id")] {
            of_fan.ask(7, json!({"group_id": group, "message_id": message})).await.success();
        }
        // Whoever owns a group and leaves it gives it to the oldest member.
        fan.post("/group/leave").with("group_id", &group).send().await.success();
    }
}
