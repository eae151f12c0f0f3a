//! Tokens and the second factor.

use base64::{Engine, engine::general_purpose::STANDARD};
use fanone_base::InvalidField;
use image::{ExtendedColorType, ImageEncoder, Luma, codecs::png::PngEncoder};
use qrcode::QrCode;
use serde::Serialize;
use utoipa::ToSchema;
use volo::FastStr;
use volo_gen::fanone::user::{BeginMfaReq, BindMfaReq, LogoutReq, RotateTokensReq, UnbindMfaReq};

use super::user::WithTokens;
use crate::{
    calls,
    envelope::{Answer, Done, Envelope, Outcome},
    extract::{Fields, FromFields, Input, Login, Refresh, revoke},
    refusal::Refusal,
    state::App,
};

/// Pixels of one module of a QR code.
const MODULE_PIXELS: u32 = 6;

/// A second factor that waits to be bound.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MfaSecret {
    /// Base32, for typing.
    #[schema(value_type = String, example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    secret: FastStr,
    /// The same as a picture, for scanning.
    #[schema(example = "data:image/png;base64,iVBORw0KGgo=")]
    qrcode: String,
}

/// Makes a second factor, which `/auth/mfa/bind` puts in force.
///
/// The secret waits for 10 minutes.
#[utoipa::path(get, path = "/auth/mfa/qrcode", tag = "auth",
    responses((status = 200, body = Envelope<MfaSecret>)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn qrcode(app: App, login: Login) -> Result<Answer<MfaSecret>, Refusal> {
    let answer = login.acts(calls::answer(app.services.user.begin_mfa(BeginMfaReq {}))).await?;
    let qrcode = draw(&calls::present(answer.url)?)?;
    Ok(Answer(MfaSecret { secret: calls::present(answer.secret)?, qrcode }))
}

#[derive(Debug, ToSchema)]
pub(crate) struct Bind {
    /// What the authenticator shows.
    #[schema(example = "123456")]
    code: String,
    /// If sent, must be the one that waits.
    #[schema(value_type = String, required = false)]
    secret: Option<String>,
}

impl FromFields for Bind {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        Ok(Self { code: fields.text("code")?, secret: fields.optional_text("secret")? })
    }
}

/// Puts the second factor in force.
#[utoipa::path(post, path = "/auth/mfa/bind", tag = "auth",
    request_body(content = Bind, content_type = "multipart/form-data"),
    responses((status = 200, body = Outcome)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn bind(app: App, login: Login, Input(form): Input<Bind>) -> Result<Done, Refusal> {
    let request = BindMfaReq { code: form.code.into(), secret: form.secret.map(FastStr::from) };
    login.acts(calls::answer(app.services.user.bind_mfa(request))).await?;
    Ok(Done)
}

#[derive(Debug, ToSchema)]
pub(crate) struct Unbind {
    #[schema(example = "123456")]
    code: String,
    #[schema(format = Password, example = "correct horse")]
    password: String,
}

impl FromFields for Unbind {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        Ok(Self { code: fields.text("code")?, password: fields.text("password")? })
    }
}

/// Takes the second factor away.
#[utoipa::path(post, path = "/auth/mfa/unbind", tag = "auth",
    request_body(content = Unbind, content_type = "multipart/form-data"),
    responses((status = 200, body = Outcome)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn unbind(app: App, login: Login, Input(form): Input<Unbind>) -> Result<Done, Refusal> {
    let request = UnbindMfaReq { code: form.code.into(), password: form.password.into() };
    login.acts(calls::answer(app.services.user.unbind_mfa(request))).await?;
    Ok(Done)
}

/// New tokens for a refresh token.
///
/// The old refresh token is used up; using it again ends the login it goes back to: no refresh token
/// of it works any more, and its access tokens last until they expire.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth",
    responses((status = 200, body = Outcome, headers(
        ("Access-Token" = String, description = "On success"),
        ("Refresh-Token" = String, description = "On success")))), security(("refresh" = [])))]
pub(crate) async fn refresh(app: App, Refresh(refresh_token): Refresh) -> Result<WithTokens<Done>, Refusal> {
    let answer = calls::answer(app.services.user.rotate_tokens(RotateTokensReq { refresh_token })).await?;
    Ok(WithTokens { tokens: calls::present(answer.tokens)?, answer: Done })
}

/// Ends the session: none of its tokens is valid any more.
#[utoipa::path(post, path = "/auth/logout", tag = "auth",
    responses((status = 200, body = Outcome)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn logout(app: App, login: Login) -> Result<Done, Refusal> {
    login.acts(calls::answer(app.services.user.logout(LogoutReq {}))).await?;
    revoke(&app, login.session).await;
    Ok(Done)
}

/// A text that could not be drawn as a QR code.
#[derive(Debug, thiserror::Error)]
enum DrawError {
    #[error("no QR code of the secret")]
    Code(#[from] qrcode::types::QrError),
    #[error("no PNG of the QR code")]
    Png(#[from] image::ImageError),
}

impl fanone_base::Failure for DrawError {
    fn code(&self) -> fanone_base::Code {
        fanone_base::Code::Internal
    }
}

/// A QR code of `text` as a `data:` URI.
fn draw(text: &str) -> Result<String, DrawError> {
    let code = QrCode::new(text)?;
    let picture = code.render::<Luma<u8>>().module_dimensions(MODULE_PIXELS, MODULE_PIXELS).build();
    let (width, height) = picture.dimensions();
    let mut png = Vec::new();
    PngEncoder::new(&mut png).write_image(&picture, width, height, ExtendedColorType::L8)?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(png)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_drawn_as_a_png() {
        let uri = draw("otpauth://totp/FanOne:alice?secret=JBSWY3DPEHPK3PXP&issuer=FanOne").unwrap();
        let png = STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let picture = image::load_from_memory(&png).unwrap();
        assert!(picture.width() > 100 && picture.width() == picture.height());
    }
}
