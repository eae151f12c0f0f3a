//! One-time codes: bind, log in, unbind, each code once, a lock after failures.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fanone_tests::{Client, Code, Json as _, Site, client::PASSWORD};
use totp_rs::{Builder, Secret, Totp};

const STEP_S: u64 = 30;

/// An authenticator app at one moment. The test has 20 s before the moment is over.
pub(crate) struct Authenticator {
    totp: Totp,
    now_s: u64,
}

impl Authenticator {
    async fn of(secret: &str) -> Self {
        let unix_s = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        while unix_s() % STEP_S > STEP_S - 20 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let secret = Secret::try_from_base32(secret).unwrap();
        Self { totp: Builder::new().with_secret(secret).build().unwrap(), now_s: unix_s() }
    }

    fn previous_code(&self) -> String {
        self.totp.generate(self.now_s - STEP_S).to_string()
    }

    pub(crate) fn code(&self) -> String {
        self.totp.generate(self.now_s).to_string()
    }

    fn next_code(&self) -> String {
        self.totp.generate(self.now_s + STEP_S).to_string()
    }

    /// A code that no step near now has.
    fn wrong_code(&self) -> String {
        let near: Vec<_> =
            (0..7).map(|step| self.totp.generate(self.now_s + step * STEP_S - 3 * STEP_S)).collect();
        let near: Vec<String> = near.iter().map(ToString::to_string).collect();
        (0..100_u32).map(|number| format!("{number:06}")).find(|code| !near.contains(code)).unwrap()
    }
}

async fn ask_for_secret(user: &Client) -> String {
    user.get("/auth/mfa/qrcode").send().await.success().text("secret")
}

pub(crate) async fn bind(user: &Client) -> Authenticator {
    let app = Authenticator::of(&ask_for_secret(user).await).await;
    user.post("/auth/mfa/bind").with("code", app.previous_code()).send().await.success();
    app
}

#[tokio::test]
async fn the_qr_code_is_a_picture_and_nothing_is_bound_before_a_code_proves_it() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;

    let answer = alice.get("/auth/mfa/qrcode").send().await.success();

    let picture = answer.text("qrcode");
    let picture = STANDARD.decode(picture.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
    image::load_from_memory(&picture).unwrap();
    site.guest().login(&alice.name, PASSWORD).await.success();
}

#[tokio::test]
async fn each_code_opens_once() {
    let site = Site::shared().await;
    let mut alice = site.user("alice").await;
    let name = alice.name.clone();
    let app = bind(&alice).await;

    site.guest().login(&name, PASSWORD).await.refused(Code::MfaRequired);
    alice.login_with_code(&name, &app.wrong_code()).await.refused(Code::WrongMfaCode);
    alice.login_with_code(&name, &app.previous_code()).await.refused(Code::WrongMfaCode);
    alice.login_with_code(&name, &app.code()).await.success();
    alice.login_with_code(&name, &app.code()).await.refused(Code::WrongMfaCode);

    let unbind = |code: String| alice.post("/auth/mfa/unbind").with("code", code).with("password", PASSWORD);
    unbind(app.code()).send().await.refused(Code::WrongMfaCode);
    unbind(app.next_code()).send().await.success();
    site.guest().login(&name, PASSWORD).await.success();
}

#[tokio::test]
async fn one_code_at_the_same_time_opens_once() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let app = bind(&alice).await;
    let logins = (0..4).map(|_| {
        let (mut guest, name, code) = (site.guest(), alice.name.clone(), app.code());
        async move { guest.login_with_code(&name, &code).await.is_success() }
    });
    let opened = futures::future::join_all(logins).await;
    assert_eq!(opened.iter().filter(|opened| **opened).count(), 1);
}

#[tokio::test]
async fn binding_takes_the_pending_secret_and_no_other() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let bind = |code: &str| alice.post("/auth/mfa/bind").with("code", code);
    bind("123456").send().await.refused(Code::NoPendingMfa);

    let secret = ask_for_secret(&alice).await;
    let app = Authenticator::of(&secret).await;
    bind("").send().await.names_field("code");
    bind(&app.code()).with("secret", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP").send().await.names_field("secret");
    bind(&app.wrong_code()).send().await.refused(Code::WrongMfaCode);
    bind(&app.previous_code()).with("secret", &secret).send().await.success();

    alice.get("/auth/mfa/qrcode").send().await.refused(Code::MfaAlreadyBound);
}

#[tokio::test]
async fn unbinding_needs_the_password_and_something_bound() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let unbind = |code: String, password: &str| {
        alice.post("/auth/mfa/unbind").with("code", code).with("password", password)
    };
    unbind("123456".to_owned(), PASSWORD).send().await.refused(Code::MfaNotBound);

    let app = bind(&alice).await;
    unbind(app.code(), "not the password").send().await.refused(Code::WrongCredentials);
    site.guest().login(&alice.name, PASSWORD).await.refused(Code::MfaRequired);
}

#[tokio::test]
async fn five_wrong_codes_lock_the_account_for_right_ones_too() {
    let site = Site::with(&[("limits.enabled", "true")]).await;
    let mut alice = site.user("alice").await;
    let name = alice.name.clone();
    let app = bind(&alice).await;
    for _ in 0..5 {
        alice.login_with_code(&name, &app.wrong_code()).await.refused(Code::WrongMfaCode);
    }
    alice.login_with_code(&name, &app.code()).await.refused(Code::Locked);
}
