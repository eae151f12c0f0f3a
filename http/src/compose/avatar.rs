//! A new avatar: stored first, then written to the user's row, so that no row ever names a missing object.

use bytes::Bytes;
use fanone_call::CallError;
use fanone_media::{Folder, Key};
use volo_gen::fanone::user::SetAvatarReq;

use super::{Problem, picture::judge, video::discard};
use crate::{calls, models::Described, objects::User, state::App};

/// Gives the caller a new avatar; the old one goes.
pub(crate) async fn set(app: &App, data: Bytes) -> Result<User, Problem> {
    let picture = judge(app, data.clone()).await?;
    let Described { vector, model } = app.models.describe(picture.preview).await;
    let key = Key::random(Folder::Avatars, picture.kind.extension())?;
    app.media.put(&key, data).await?;
    let request = SetAvatarReq { key: key.as_str().to_owned().into(), vector, model: model.into() };
    let answer = match calls::answer(app.services.user.set_avatar(request)).await {
        Ok(answer) => answer,
        Err(error) => {
            // Unless the service has clearly said no, the row may name the object all the same: then it must stay.
            if matches!(error, CallError::Answer { .. } | CallError::Refused(_)) {
                discard(app, key.as_str()).await;
            }
            return Err(error.into());
        }
    };
    if let Some(previous) = answer.previous_key {
        discard(app, &previous).await;
    }
    Ok(app.view.user(calls::present(answer.user)?))
}
