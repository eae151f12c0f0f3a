//! `/ws`: who may connect. Whoever may not gets an ordinary answer at a status of its own, since an upgrade has no
//! envelope.

use fanone_base::Code;
use http::{StatusCode, header, request::Parts};
use hyper::upgrade::OnUpgrade;
use volo::context::Context;
use volo_http::{
    context::ServerContext,
    response::Response,
    server::{
        IntoResponse,
        extract::FromContext,
        utils::ws::{WebSocket, WebSocketUpgrade},
    },
};

use super::{connection, origin};
use crate::{
    extract::{
        Notes,
        login::{Access, access_token, authenticate, refresh_token},
    },
    gate::Scope,
    refusal::Refusal,
    state::App,
};

/// When a client may try again that found the site full, in seconds.
const RETRY_AFTER_S: u64 = 10;

const NO_HANDSHAKE: Refusal =
    Refusal::transport(StatusCode::BAD_REQUEST, "the request is no WebSocket handshake");

/// The chat. Frames are JSON texts: `{"type":1,"seq":"…","data":{…}}`, each answered by
/// `{"type":1,"seq":"…","base":{"code":…,"msg":…},"data":…}`.
///
/// | type | request data | answer data |
/// | --- | --- | --- |
/// | 1 private message | `to_user_id, content` | Message |
/// | 2 private history | `user_id, page_num, page_size` | `{items:[Message], total}`, newest first |
/// | 3 unread with a user | `user_id` | `{items:[Message]}`, which are then read |
/// | 4 group message | `group_id, content` | Message |
/// | 5 group history | `group_id, page_num, page_size` | `{items:[Message], total}`, newest first |
/// | 6 unread summary | | `{items:[{user_id or group_id, unread, last: Message}]}` |
/// | 7 mark read | `user_id` or `group_id`, `message_id` | |
/// | 9 push, from the server | | Message; on connect, and when messages may have been missed, the last of each conversation that has unread ones |
///
/// The same `seq` sent again in a conversation stores nothing new and answers the same. The server closes with 4401
/// when the login ends, 4408 without a sign of life, 4409 when the user opens too many connections, 4429 after a flood.
#[utoipa::path(get, path = "/ws", tag = "chat", security(("access" = []), ("bearer" = [])),
    params(("token" = Option<String>, Query, description = "The access token, for browsers, which can't send headers")),
    responses(
        (status = 101, description = "Connected"),
        (status = 400, body = crate::envelope::Outcome, description = "No WebSocket handshake"),
        (status = 401, body = crate::envelope::Outcome, description = "Not logged in"),
        (status = 403, body = crate::envelope::Outcome, description = "A page of another site")))]
pub(crate) async fn connect(app: App, handshake: Handshake) -> Result<Response, Refusal> {
    let Handshake { access, upgrade } = handshake;
    let seat = app.chat.enter(access.claims.user_id).ok_or_else(|| Refusal::busy(RETRY_AFTER_S))?;
    let frame_max = app.settings.chat.frame_max_bytes;
    let upgrade = upgrade.max_message_size(Some(frame_max)).max_frame_size(Some(frame_max));
    Ok(upgrade.on_upgrade(move |socket: WebSocket| connection::run(app, access, seat, socket)))
}

/// A request to connect by somebody who may.
pub(crate) struct Handshake {
    access: Access,
    upgrade: WebSocketUpgrade,
}

impl FromContext for Handshake {
    type Rejection = Rejected;

    async fn from_context(cx: &mut ServerContext, parts: &mut Parts) -> Result<Self, Rejected> {
        let app = Scope::of(cx)?.app.clone();
        check_origin(&app, parts)?;
        let access = log_in(&app, parts).await?;
        cx.extensions_mut().insert(Notes { user: Some(access.claims.user_id), new_access: access.to_send() });
        // volo-http panics without this, which a client can bring about.
        if parts.extensions.get::<OnUpgrade>().is_none() {
            return Err(NO_HANDSHAKE.into());
        }
        match WebSocketUpgrade::from_context(cx, parts).await {
            Ok(upgrade) => Ok(Self { access, upgrade }),
            Err(_) => Err(NO_HANDSHAKE.into()),
        }
    }
}

fn check_origin(app: &App, parts: &Parts) -> Result<(), Refusal> {
    let Some(origin) = parts.headers.get(header::ORIGIN) else { return Ok(()) };
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let http = &app.settings.http;
    if origin
        .to_str()
        .is_ok_and(|origin| origin::admits(origin, host, &http.public_url, &http.allowed_origins))
    {
        return Ok(());
    }
    Err(Refusal::with(Code::Forbidden, "pages of this origin may not connect"))
}

/// Browsers can't send headers with a handshake, so the query may hold the token.
async fn log_in(app: &App, parts: &Parts) -> Result<Access, Refusal> {
    let query: Vec<(String, String)> =
        serde_urlencoded::from_str(parts.uri.query().unwrap_or_default()).unwrap_or_default();
    let in_query = query.iter().find(|(name, _)| name == "token").map(|(_, token)| token.as_str());
    let token = access_token(&parts.headers).or(in_query).ok_or(Refusal::of(Code::NotLoggedIn))?;
    authenticate(app, token, refresh_token(&parts.headers)).await
}

/// A refused handshake.
pub(crate) struct Rejected(Refusal);

impl<R: Into<Refusal>> From<R> for Rejected {
    fn from(refusal: R) -> Self {
        Self(refusal.into())
    }
}

impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        let status = match self.0.code() {
            Code::NotLoggedIn | Code::AccessExpired | Code::RefreshInvalid => Some(StatusCode::UNAUTHORIZED),
            Code::Forbidden => Some(StatusCode::FORBIDDEN),
            _ => None,
        };
        let mut response = self.0.into_response();
        if let Some(status) = status {
            *response.status_mut() = status;
        }
        response
    }
}
