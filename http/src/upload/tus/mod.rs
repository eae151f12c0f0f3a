//! Resumable uploads: tus 1.0.0 with creation, creation-with-upload, expiration, checksum and termination.
//! <https://tus.io/protocols/resumable-upload>

mod answer;
mod call;
mod checksum;
mod finish;
mod headers;
mod metadata;
mod refused;
mod uploads;

use fanone_base::{Id, InvalidField};
use http::{HeaderValue, Method, StatusCode};
use volo_gen::fanone::video::{CreateUploadReq, Upload};
use volo_http::response::Response;

use crate::{calls, envelope::Outcome, gate::other_method, refusal::Refusal, state::App, upload::to_the_end};

use call::Call;
use metadata::Metadata;
use refused::Refused;
use uploads::{Piece, Standing, Uploader};

/// What the server can do.
#[utoipa::path(options, path = "/upload", tag = "upload",
    responses((status = 204, description = "See the headers", headers(
        ("Tus-Version" = String), ("Tus-Extension" = String), ("Tus-Max-Size" = i64, description = "Bytes"),
        ("Tus-Checksum-Algorithm" = String)))))]
pub(crate) async fn options(app: App) -> Response {
    let mut response = answer::empty(StatusCode::NO_CONTENT);
    answer::insert(&mut response, "tus-version", headers::VERSION);
    answer::insert(&mut response, "tus-extension", headers::EXTENSIONS);
    answer::insert(&mut response, "tus-max-size", app.settings.media.video_max_bytes);
    answer::insert(&mut response, "tus-checksum-algorithm", checksum::ALGORITHMS);
    response
}

/// Begins an upload. The body may hold the first bytes of the file, or all of them.
#[utoipa::path(post, path = "/upload", tag = "upload", security(("access" = []), ("bearer" = [])),
    params(
        ("Tus-Resumable" = String, Header, example = "1.0.0"),
        ("Upload-Length" = i64, Header, minimum = 1, description = "Bytes of the whole file"),
        ("Upload-Metadata" = String, Header, example = "title QSB3YWxr,filename YS5tcDQ=",
            description = "`title` (required), `description`, `filename`, each with its value in Base64"),
        ("Upload-Checksum" = Option<String>, Header, description = "Of the body: `sha1` or `sha256`, and Base64")),
    responses(
        (status = 201, description = "Begun", headers(
            ("Location" = String, description = "Where to send the rest"), ("Upload-Offset" = i64),
            ("Upload-Expires" = String), ("Video-Id" = String, description = "If that was all of it"))),
        (status = 401, body = Outcome, description = "Not logged in"),
        (status = 412, body = Outcome, description = "Another version of tus"),
        (status = 460, body = Outcome, description = "The checksum does not fit; nothing was begun")))]
pub(crate) async fn create(call: Call) -> Result<Response, Refused> {
    let by = call.by.clone();
    let length = headers::length(&call.headers, by.app.settings.media.video_max_bytes)?;
    let metadata = Metadata::parse(headers::text(&call.headers, "upload-metadata").unwrap_or_default())?;
    let first = if call.has_body() { Some(piece(call, 0, length)?) } else { None };
    let request = CreateUploadReq {
        length: i64::try_from(length).unwrap_or(i64::MAX),
        title: metadata.title.into(),
        description: metadata.description.into(),
        filename: metadata.filename.into(),
    };
    let answer = by.login.acts(calls::answer(by.app.services.video.create_upload(request))).await?;
    let upload = calls::present(answer.upload)?;
    let standing = match first {
        None => Standing { offset: 0, expires_at: upload.expires_at, video: None },
        // Nobody else knows of it yet.
        Some(piece) => to_the_end(by.login.clone(), first_piece(by, upload.clone(), piece)).await??,
    };
    let mut response = answer::standing(StatusCode::CREATED, &standing);
    answer::insert(&mut response, "location", format_args!("/upload/{}", upload.id));
    Ok(response)
}

async fn first_piece(by: Uploader, upload: Upload, piece: Piece) -> Result<Standing, Refusal> {
    let outcome = uploads::append(&by, &upload, piece).await;
    if outcome.is_err() {
        // The client never learns where it is.
        uploads::end(&by, Id(upload.id)).await;
    }
    outcome
}

/// How far an upload has come.
#[utoipa::path(head, path = "/upload/{id}", tag = "upload", security(("access" = []), ("bearer" = [])),
    params(("id" = String, Path), ("Tus-Resumable" = String, Header, example = "1.0.0")),
    responses(
        (status = 200, description = "See the headers", headers(
            ("Upload-Offset" = i64), ("Upload-Length" = i64), ("Upload-Metadata" = String),
            ("Upload-Expires" = String), ("Video-Id" = String, description = "Once it is published"))),
        (status = 404, description = "There is no such upload, or not any more")))]
pub(crate) async fn look(call: Call) -> Result<Response, Refused> {
    let upload = find(&call).await?;
    let standing = uploads::standing(&call.by, &upload).await?;
    let mut response = answer::standing(StatusCode::OK, &standing);
    let metadata = Metadata {
        title: upload.title.to_string(),
        description: upload.description.to_string(),
        filename: upload.filename.to_string(),
    };
    answer::insert(&mut response, "upload-length", upload.length);
    answer::insert(&mut response, "upload-metadata", metadata.format());
    Ok(response)
}

/// Sends the bytes that follow. The last ones publish the video.
#[utoipa::path(patch, path = "/upload/{id}", tag = "upload", security(("access" = []), ("bearer" = [])),
    params(
        ("id" = String, Path),
        ("Tus-Resumable" = String, Header, example = "1.0.0"),
        ("Upload-Offset" = i64, Header, minimum = 0, description = "Where the upload stands"),
        ("Upload-Checksum" = Option<String>, Header, description = "Of the body: `sha1` or `sha256`, and Base64")),
    request_body(content = [u8], content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "Taken", headers(
            ("Upload-Offset" = i64), ("Upload-Expires" = String), ("Video-Id" = String, description = "After the last"))),
        (status = 404, body = Outcome, description = "There is no such upload, or not any more"),
        (status = 409, body = Outcome, description = "The upload stands elsewhere"),
        (status = 415, body = Outcome, description = "Another content type, or no video"),
        (status = 423, body = Outcome, description = "Another request appends to it"),
        (status = 460, body = Outcome, description = "The checksum does not fit; nothing of the body is kept")))]
pub(crate) async fn append(call: Call) -> Result<Response, Refused> {
    headers::check_type(&call.headers)?;
    let offset = headers::offset(&call.headers)?;
    let (by, id) = (call.by.clone(), call.id()?);
    let work = Box::pin({
        let by = by.clone();
        async move {
            let upload = uploads::find(&by, id).await?;
            let piece = piece(call, offset, uploads::length(&upload))?;
            Ok::<_, Refused>(uploads::append(&by, &upload, piece).await?)
        }
    });
    let standing = uploads::alone(&by, id, work).await?;
    Ok(answer::standing(StatusCode::NO_CONTENT, &standing))
}

/// Takes an upload away, and what arrived of it.
#[utoipa::path(delete, path = "/upload/{id}", tag = "upload", security(("access" = []), ("bearer" = [])),
    params(("id" = String, Path), ("Tus-Resumable" = String, Header, example = "1.0.0")),
    responses(
        (status = 204, description = "Gone"),
        (status = 404, body = Outcome, description = "There is no such upload, or not any more"),
        (status = 423, body = Outcome, description = "Another request appends to it")))]
pub(crate) async fn terminate(call: Call) -> Result<Response, Refused> {
    let (by, id) = (call.by.clone(), call.id()?);
    let work = Box::pin({
        let by = by.clone();
        async move { uploads::terminate(&by, id).await }
    });
    uploads::alone(&by, id, work).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// For clients that can send nothing but POST: `X-HTTP-Method-Override` says what is meant.
#[utoipa::path(post, path = "/upload/{id}", tag = "upload", security(("access" = []), ("bearer" = [])),
    params(
        ("id" = String, Path),
        ("Tus-Resumable" = String, Header, example = "1.0.0"),
        ("X-HTTP-Method-Override" = String, Header, example = "PATCH")),
    responses(
        (status = 200, description = "As HEAD answers"),
        (status = 204, description = "As PATCH and DELETE answer"),
        (status = 405, body = Outcome, description = "No such method here"),
        (status = 409, body = Outcome, description = "The upload stands elsewhere"),
        (status = 423, body = Outcome, description = "Another request appends to it"),
        (status = 460, body = Outcome, description = "The checksum does not fit; nothing of the body is kept")))]
pub(crate) async fn overridden(call: Call) -> Result<Response, Refused> {
    match call.method.clone() {
        Method::PATCH => append(call).await,
        Method::DELETE => terminate(call).await,
        Method::HEAD => look(call).await,
        other => Ok(other_method(&other, HeaderValue::from_static("HEAD, PATCH, DELETE"))),
    }
}

async fn find(call: &Call) -> Result<Upload, Refused> {
    Ok(uploads::find(&call.by, call.id()?).await?)
}

/// The piece in the body of a request, for an upload of `length` bytes.
fn piece(call: Call, offset: u64, length: u64) -> Result<Piece, Refused> {
    headers::check_type(&call.headers)?;
    if offset.saturating_add(call.announced()) > length && offset <= length {
        let field = InvalidField::new("Upload-Length", "is less than what is being sent");
        return Err(Refused::at(StatusCode::PAYLOAD_TOO_LARGE, Refusal::from(field)));
    }
    let checksum = headers::text(&call.headers, "upload-checksum").map(checksum::parse).transpose()?;
    Ok(Piece { offset, bytes: call.stream()?, checksum })
}
