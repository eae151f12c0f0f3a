//! Logging in to Nacos.
//!
//! The client has a way of its own, which puts the password into a URL and that URL into its log: it is not told any.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use fanone_config::NacosUrl;
use nacos_sdk::api::plugin::{AuthContext, AuthPlugin, LoginIdentityContext, RequestResource};
use serde::Deserialize;
use tokio::{net::TcpStream, time::timeout};

use super::error::NacosError;

const CONNECT: Duration = Duration::from_secs(3);
/// Nacos hashes passwords slowly on purpose: where many log in at once, each waits for the others.
const LOGIN: Duration = Duration::from_secs(10);

/// Those of this process: its clients of one Nacos share one, for a login costs Nacos far more than it costs us.
static LOGINS: Mutex<Vec<Weak<NacosLogin>>> = Mutex::new(Vec::new());

/// The name and the password, and the token that was got for them.
pub struct NacosLogin {
    http: reqwest::Client,
    servers: Vec<String>,
    user: Option<(String, String)>,
    token: Mutex<Option<Token>>,
    /// Held by the one that logs in.
    logs_in: tokio::sync::Mutex<()>,
    turn: AtomicUsize,
}

#[derive(Clone)]
struct Token {
    text: String,
    renew: Instant,
}

impl Token {
    fn lasts(&self) -> bool {
        self.renew > Instant::now()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    access_token: String,
    token_ttl: u64,
}

/// Without what is secret.
impl fmt::Debug for NacosLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NacosLogin({})", self.servers.join(","))
    }
}

impl NacosLogin {
    /// That of this process for the servers and the user of `url`; none if there is no HTTP client to be had.
    pub fn of(url: &NacosUrl) -> Option<Arc<Self>> {
        let mut logins = LOGINS.lock().unwrap_or_else(PoisonError::into_inner);
        logins.retain(|login| login.strong_count() > 0);
        let mut known = logins.iter().filter_map(Weak::upgrade);
        if let Some(login) = known.find(|login| login.servers == url.servers && login.user == url.login) {
            return Some(login);
        }
        let login = Arc::new(Self::new(url)?);
        logins.push(Arc::downgrade(&login));
        Some(login)
    }

    fn new(url: &NacosUrl) -> Option<Self> {
        let http =
            reqwest::Client::builder().connect_timeout(CONNECT).timeout(LOGIN).no_proxy().build().ok()?;
        Some(Self {
            http,
            servers: url.servers.clone(),
            user: url.login.clone(),
            token: Mutex::default(),
            logs_in: tokio::sync::Mutex::default(),
            turn: AtomicUsize::new(0),
        })
    }

    /// Proves that a server is there, and has a token; a new one if `anew`, for the one that is there was of no use.
    /// Servers are asked in turn.
    pub(super) async fn check(&self, anew: bool) -> Result<(), NacosError> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.servers.len().max(1);
        let Some(server) = self.servers.get(turn) else { return Ok(()) };
        connect(server).await?;
        let Some((user, password)) = &self.user else { return Ok(()) };
        let of_no_use = self.token().filter(|_| anew).map(|token| token.renew);
        let _guard = self.logs_in.lock().await;
        // Another may just have done it.
        match self.token() {
            Some(token) if token.lasts() && Some(token.renew) != of_no_use => Ok(()),
            _ => self.log_in(server, user, password).await,
        }
    }

    async fn log_in(&self, server: &str, user: &str, password: &str) -> Result<(), NacosError> {
        let request = self.http.post(format!("http://{server}/nacos/v1/auth/login"));
        let answer = request.form(&[("username", user), ("password", password)]).send().await;
        let answer = answer.map_err(unanswered)?;
        if !answer.status().is_success() {
            return Err(NacosError::Refused(answer.status().as_u16()));
        }
        let answer: Answer = answer.json().await.map_err(NacosError::NoAnswer)?;
        let renew = Instant::now() + Duration::from_secs(answer.token_ttl / 2);
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Token { text: answer.access_token, renew });
        Ok(())
    }

    /// Gets a token if there is none that lasts. What stands in the way shows in the requests that follow.
    pub async fn ensure(&self) {
        if self.user.is_none() || self.is_logged_in() {
            return;
        }
        if let Err(error) = self.check(false).await {
            tracing::debug!(error = error.chain(), "registry.not_logged_in");
        }
    }

    fn is_logged_in(&self) -> bool {
        self.token().is_some_and(|token| token.lasts())
    }

    fn token(&self) -> Option<Token> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn unanswered(error: reqwest::Error) -> NacosError {
    if error.is_connect() || error.is_timeout() {
        NacosError::Unreachable(error)
    } else {
        NacosError::NoAnswer(error)
    }
}

/// Nobody asks for a password: that there is somebody must do.
async fn connect(server: &str) -> Result<(), NacosError> {
    match timeout(CONNECT, TcpStream::connect(server)).await {
        Ok(connected) => connected.map(drop).map_err(NacosError::Closed),
        Err(_elapsed) => Err(NacosError::Late(CONNECT)),
    }
}

#[async_trait]
impl AuthPlugin for NacosLogin {
    /// Called every 30 s.
    async fn login(&self, _servers: Arc<Vec<String>>, _context: Arc<AuthContext>) {
        self.ensure().await;
    }

    fn get_login_identity(&self, _: RequestResource) -> LoginIdentityContext {
        let identity = LoginIdentityContext::default();
        match self.token() {
            Some(token) => identity.add_context("accessToken", token.text),
            None => identity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_of_one_nacos_share_a_login_and_another_user_has_another() {
        let [one, two, other] = ["nacos://a:b@h:1/n", "nacos://a:b@h:1/m", "nacos://c:b@h:1/n"].map(|url| {
            let url = NacosUrl::parse(url).unwrap();
            NacosLogin::of(&url).unwrap()
        });
        assert!(Arc::ptr_eq(&one, &two));
        assert!(!Arc::ptr_eq(&one, &other));
    }
}
