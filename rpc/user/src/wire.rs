//! Between the types of the logic and those of the IDL.

use fanone_base::{Id, time};
use volo_gen::fanone::{base, user};

use crate::{
    events::{Batch, Event},
    pictures::Match,
    sessions::Tokens,
    store::{Picture, Profile},
};

pub(crate) fn user(profile: Profile) -> user::User {
    user::User {
        id: profile.id,
        username: profile.username.into(),
        avatar: profile.avatar.into(),
        video_count: profile.video_count,
        like_count: profile.like_count,
        following_count: profile.following_count,
        follower_count: profile.follower_count,
        created_at: profile.created_at,
        updated_at: profile.updated_at,
        deleted_at: profile.deleted_at,
    }
}

pub(crate) fn tokens(tokens: Tokens) -> user::Tokens {
    user::Tokens { access_token: tokens.access.into(), refresh_token: tokens.refresh.into() }
}

pub(crate) fn picture_match(found: Match) -> user::PictureMatch {
    let Match { picture, score } = found;
    user::PictureMatch {
        key: picture.media_key.into(),
        score,
        user_id: picture.user_id,
        video_id: (picture.video_id != 0).then_some(picture.video_id),
    }
}

pub(crate) fn batch(req: base::ApplyEventsReq) -> Batch {
    let events = req.events.into_iter().map(|event| Event {
        kind: event.kind.inner(),
        entity: Id(event.entity_id),
        delta: event.delta,
        picture: event.picture.map(picture),
    });
    Batch { source: req.source.to_string(), number: req.number, events: events.collect() }
}

fn picture(picture: base::Picture) -> Picture {
    Picture {
        id: picture.id,
        media_key: picture.key.to_string(),
        user_id: picture.user_id,
        video_id: picture.video_id.unwrap_or(0),
        vector: picture.vector.to_vec(),
        model: picture.model.to_string(),
        created_at: time::now_ms(),
    }
}
