//! The records of resumable uploads. How many bytes have arrived is known by the media store alone.

use std::time::Duration;

use fanone_base::{Id, IdGenerator, InvalidField, time};
use fanone_config::{Live, Settings};
use fanone_store::Store;

use crate::{error::VideoError, store::uploads};

/// The time in which uploads are counted, milliseconds.
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// An upload that was begun. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upload {
    pub(crate) id: Id,
    pub(crate) user: Id,
    pub(crate) file: File,
    pub(crate) created_at: i64,
    /// 0: ended by its user.
    pub(crate) expires_at: i64,
    /// Present once it is published.
    pub(crate) video: Option<Id>,
}

impl Upload {
    /// Whether its user has ended it.
    pub(crate) fn is_ended(&self) -> bool {
        self.expires_at == 0
    }
}

/// What an upload says of its file. The texts are checked already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Bytes.
    pub(crate) length: i64,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) filename: String,
}

/// What uploads are held to.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Largest file, bytes.
    pub(crate) length_max: u64,
    /// How long an upload is kept after it began.
    pub(crate) lifetime: Duration,
    /// How many in a day.
    pub(crate) live: Live,
}

impl Rules {
    /// As configured.
    pub(crate) fn of(settings: &Settings, live: &Live) -> Self {
        Self {
            length_max: settings.media.video_max_bytes,
            lifetime: settings.upload.lifetime(),
            live: live.clone(),
        }
    }

    /// Uploads of one user in a day; none: as many as one likes.
    fn per_day(&self) -> Option<u32> {
        let limits = &self.live.get().limits;
        limits.enabled.then_some(limits.uploads_per_user)
    }
}

/// The use cases around uploads.
#[derive(Clone)]
pub(crate) struct Uploads {
    store: Store,
    ids: IdGenerator,
    rules: Rules,
}

impl Uploads {
    /// On the rows of `store`.
    pub(crate) fn new(store: Store, ids: IdGenerator, rules: Rules) -> Self {
        Self { store, ids, rules }
    }

    /// Begins an upload of `user`.
    pub(crate) async fn create(&self, user: Id, file: File) -> Result<Upload, VideoError> {
        let max = self.rules.length_max;
        if u64::try_from(file.length).is_ok_and(|length| (1..=max).contains(&length)) {
            let now = time::now_ms();
            self.create_at(user, file, now).await
        } else {
            Err(InvalidField::new("length", format!("must be 1 to {max} bytes")).into())
        }
    }

    async fn create_at(&self, user: Id, file: File, now: i64) -> Result<Upload, VideoError> {
        let lifetime = i64::try_from(self.rules.lifetime.as_millis()).unwrap_or(i64::MAX);
        let id = self.ids.next(user.bucket());
        let expires_at = now.saturating_add(lifetime);
        let upload = Upload { id, user, file, created_at: now, expires_at, video: None };
        let (row, per_day) = (upload.clone(), self.rules.per_day());
        self.store
            .shard(user.bucket())
            .write(move |tx| {
                let row = row.clone();
                Box::pin(async move {
                    if let Some(per_day) = per_day
                        && uploads::count_since(tx, user, now - DAY_MS).await? >= u64::from(per_day)
                    {
                        return Err(VideoError::TooManyUploads);
                    }
                    Ok(uploads::insert(tx, &row).await?)
                })
            })
            .await?;
        Ok(upload)
    }

    /// An upload of `user` that is neither expired nor ended.
    pub(crate) async fn get(&self, user: Id, id: Id) -> Result<Upload, VideoError> {
        self.get_at(user, id, time::now_ms()).await
    }

    async fn get_at(&self, user: Id, id: Id, now: i64) -> Result<Upload, VideoError> {
        let upload = uploads::find(self.store.shard(id.bucket()).read(), id).await?;
        upload
            .filter(|upload| upload.user == user && upload.expires_at > now)
            .ok_or(VideoError::UploadNotFound)
    }

    /// Ends an upload of `user` that has not become a video, so that it never will. The row stays for a day, to be counted.
    pub(crate) async fn delete(&self, user: Id, id: Id) -> Result<(), VideoError> {
        let now = time::now_ms();
        self.store
            .shard(id.bucket())
            .write(move |tx| {
                Box::pin(async move {
                    let ended = uploads::end(tx, id, user, now).await?;
                    if ended { Ok(()) } else { Err(VideoError::UploadNotFound) }
                })
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        publish::Publication,
        testing::{Site, file, publication},
    };

    #[tokio::test]
    async fn an_upload_is_seen_by_its_user_until_it_expires() {
        let site = Site::with_shards(1).await;
        let (user, other) = (site.user(1), site.user(1));
        let upload = site.uploads.create(user, file()).await.unwrap();
        assert_eq!(upload.expires_at, upload.created_at + 3_600_000);
        assert_eq!(site.uploads.get(user, upload.id).await.unwrap(), upload);
        for (user, id, now) in
            [(other, upload.id, 0), (user, upload.id, upload.expires_at), (user, Id(1), 0), (user, Id(-1), 0)]
        {
            let refused = site.uploads.get_at(user, id, now).await;
            assert!(matches!(refused, Err(VideoError::UploadNotFound)), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn an_upload_is_ended_once_and_by_its_user() {
        let site = Site::with_shards(1).await;
        let user = site.user(1);
        let upload = site.uploads.create(user, file()).await.unwrap();
        assert!(site.uploads.delete(site.user(1), upload.id).await.is_err());
        site.uploads.delete(user, upload.id).await.unwrap();
        assert!(site.uploads.get(user, upload.id).await.is_err());
        assert!(site.uploads.delete(user, upload.id).await.is_err());
    }

    #[tokio::test]
    async fn an_upload_that_has_become_a_video_is_not_ended() {
        let site = Site::with_shards(1).await;
        let user = site.user(1);
        let upload = site.uploads.create(user, file()).await.unwrap();
        let publication = Publication { upload: Some(upload.id), ..publication("a cat") };
        let video = site.videos.publish(user, publication).await.unwrap();
        let refused = site.uploads.delete(user, upload.id).await;
        assert!(matches!(refused, Err(VideoError::UploadNotFound)), "{refused:?}");
        assert_eq!(site.uploads.get(user, upload.id).await.unwrap().video, Some(video.id));
    }

    #[tokio::test]
    async fn a_file_that_is_empty_or_too_long_is_refused() {
        let site = Site::with_shards(1).await;
        for length in [i64::MIN, -1, 0, 1001] {
            let refused = site.uploads.create(site.user(1), File { length, ..file() }).await;
            assert!(
                matches!(&refused, Err(VideoError::Field(error)) if error.field == "length"),
                "{refused:?}"
            );
        }
        site.uploads.create(site.user(1), File { length: 1000, ..file() }).await.unwrap();
    }

    #[tokio::test]
    async fn a_user_begins_so_many_uploads_a_day_ended_ones_included() {
        let site = Site::with_shards(1).await;
        let user = site.user(1);
        for _ in 0..3 {
            let upload = site.uploads.create(user, file()).await.unwrap();
            site.uploads.delete(user, upload.id).await.unwrap();
        }
        let refused = site.uploads.create(user, file()).await;
        assert!(matches!(refused, Err(VideoError::TooManyUploads)), "{refused:?}");
        site.uploads.create(site.user(1), file()).await.unwrap();
        site.uploads.create_at(user, file(), time::now_ms() + DAY_MS + 1000).await.unwrap();
    }

    #[tokio::test]
    async fn only_what_has_expired_and_is_older_than_a_day_is_purged() {
        let site = Site::with_shards(1).await;
        let user = site.user(1);
        let shard = &site.store.shards()[0];
        let now = time::now_ms();
        let old = site.uploads.create_at(user, file(), now - 2 * DAY_MS).await.unwrap();
        let recent = site.uploads.create_at(user, file(), now - DAY_MS / 2).await.unwrap();
        uploads::purge(shard, now - DAY_MS, now).await.unwrap();
        assert_eq!(uploads::find(shard.read(), old.id).await.unwrap(), None);
        assert_eq!(uploads::find(shard.read(), recent.id).await.unwrap(), Some(recent));
    }
}
