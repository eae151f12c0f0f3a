//! Accounts.

use fanone_base::{Id, InvalidField};
use http::{HeaderMap, HeaderValue};
use utoipa::ToSchema;
use volo::FastStr;
use volo_gen::fanone::user::{GetUsersReq, LoginReq, RegisterReq, Tokens};
use volo_http::{response::Response, server::IntoResponse};

use crate::{
    calls,
    compose::{Problem, avatar},
    envelope::{Answer, Done, Envelope, Outcome},
    extract::{Client, Fields, FromFields, Input, Login, Picture},
    limits::{self, Limit},
    objects::User,
    openapi::PictureForm,
    refusal::Refusal,
    state::App,
};

#[derive(Debug, ToSchema)]
pub(crate) struct Register {
    /// 1 to 32 characters, unique without case.
    #[schema(example = "alice")]
    username: String,
    /// 8 to 72 bytes.
    #[schema(format = Password, example = "correct horse")]
    password: String,
}

impl FromFields for Register {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        Ok(Self { username: fields.text("username")?, password: fields.text("password")? })
    }
}

/// Opens an account.
#[utoipa::path(post, path = "/user/register", tag = "user",
    request_body(content = Register, content_type = "multipart/form-data"),
    responses((status = 200, body = Outcome)))]
pub(crate) async fn register(
    app: App,
    client: Client,
    Input(form): Input<Register>,
) -> Result<Done, Refusal> {
    limits::count(&app, Limit::Registrations, client.ip).await?;
    let request = RegisterReq { username: form.username.into(), password: form.password.into() };
    calls::answer(app.services.user.register(request)).await?;
    Ok(Done)
}

#[derive(Debug, ToSchema)]
pub(crate) struct LogIn {
    #[schema(example = "alice")]
    username: String,
    #[schema(format = Password, example = "correct horse")]
    password: String,
    /// MFA code, required once MFA is bound.
    #[schema(value_type = String, required = false, example = "123456")]
    code: Option<String>,
}

impl FromFields for LogIn {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        let (username, password) = (fields.text("username")?, fields.text("password")?);
        Ok(Self { username, password, code: fields.optional_text("code")? })
    }
}

/// Logs in.
///
/// Both tokens come as response headers.
#[utoipa::path(post, path = "/user/login", tag = "user",
    request_body(content = LogIn, content_type = "multipart/form-data"),
    responses((status = 200, body = Envelope<User>, headers(
        ("Access-Token" = String, description = "On success: valid for 15 minutes"),
        ("Refresh-Token" = String, description = "On success: valid for 7 days")))))]
pub(crate) async fn login(
    app: App,
    client: Client,
    Input(form): Input<LogIn>,
) -> Result<WithTokens<Answer<User>>, Refusal> {
    limits::count(&app, Limit::Logins, client.ip).await?;
    let request = LoginReq {
        username: form.username.into(),
        password: form.password.into(),
        code: form.code.map(FastStr::from),
    };
    let answer = calls::answer(app.services.user.login(request)).await?;
    let user = app.view.user(calls::present(answer.user)?);
    Ok(WithTokens { tokens: calls::present(answer.tokens)?, answer: Answer(user) })
}

#[derive(Debug)]
pub(crate) struct Info {
    user_id: Option<Id>,
}

impl FromFields for Info {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        Ok(Self { user_id: fields.optional_id("user_id")? })
    }
}

/// A user; without `user_id` the caller.
#[utoipa::path(get, path = "/user/info", tag = "user",
    params(("user_id" = Option<String>, Query, description = "Absent: the caller, who must be logged in")),
    responses((status = 200, body = Envelope<User>)), security((), ("access" = []), ("bearer" = [])))]
pub(crate) async fn info(
    app: App,
    login: Result<Login, Refusal>,
    Input(query): Input<Info>,
) -> Result<Answer<User>, Refusal> {
    let id = query.user_id.map_or_else(|| login.map(|login| login.user), Ok)?;
    let mut answer = calls::answer(app.services.user.get_users(GetUsersReq { ids: vec![id.0] })).await?;
    let user = answer.users.pop().ok_or(Problem::Refused(fanone_base::Code::UserNotFound))?;
    Ok(Answer(app.view.user(user)))
}

/// Sets the caller's avatar.
#[utoipa::path(put, path = "/user/avatar/upload", tag = "user",
    request_body(content = PictureForm, content_type = "multipart/form-data"),
    responses((status = 200, body = Envelope<User>)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn upload_avatar(
    app: App,
    login: Login,
    Picture { data, fields: (), .. }: Picture<()>,
) -> Result<Answer<User>, Refusal> {
    Ok(Answer(login.acts(avatar::set(&app, data)).await?))
}

/// An answer whose headers carry both tokens.
pub(crate) struct WithTokens<T> {
    pub(crate) tokens: Tokens,
    pub(crate) answer: T,
}

impl<T: IntoResponse> IntoResponse for WithTokens<T> {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        insert(response.headers_mut(), "access-token", &self.tokens.access_token);
        insert(response.headers_mut(), "refresh-token", &self.tokens.refresh_token);
        response
    }
}

fn insert(headers: &mut HeaderMap, name: &'static str, token: &str) {
    // A token is made of letters, digits and dots.
    if let Ok(value) = HeaderValue::from_str(token) {
        headers.insert(name, value);
    }
}
