//! Publishing a video: its row, the end of its upload and the events to the user service, in one transaction.

use std::sync::Arc;

use bytes::Bytes;
use fanone_base::{Id, IdGenerator};
use fanone_store::{Tx, outbox};

use crate::{
    counters,
    error::VideoError,
    store::{uploads, videos},
    video::{Video, Videos},
};

/// Two replicas may make the same id in the same millisecond, once in a long while.
const ID_ATTEMPTS: usize = 3;

/// What an author publishes. The texts are checked already.
#[derive(Clone, Debug)]
pub(crate) struct Publication {
    pub(crate) video_key: String,
    pub(crate) cover_key: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) cover: CoverVector,
    /// The resumable upload that this finishes.
    pub(crate) upload: Option<Id>,
}

/// The vector of a cover, for the picture library.
#[derive(Clone, Debug)]
pub(crate) struct CoverVector {
    /// float32, little endian; empty: to be computed later.
    pub(crate) bytes: Bytes,
    /// The model that made it.
    pub(crate) model: String,
}

impl Videos {
    /// Publishes a video. The same file, or the same upload, published again answers the same video, unless that has been
    /// deleted since.
    pub(crate) async fn publish(&self, author: Id, publication: Publication) -> Result<Video, VideoError> {
        if publication.upload.is_some_and(|upload| upload.bucket() != author.bucket()) {
            // The author's uploads are in the author's bucket.
            return Err(VideoError::UploadNotFound);
        }
        let ids = self.ids.clone();
        let publication = Arc::new(publication);
        let video: Video = self
            .store
            .shard(author.bucket())
            .write(move |tx| {
                let (ids, publication) = (ids.clone(), Arc::clone(&publication));
                Box::pin(async move { publish(tx, &ids, author, &publication).await })
            })
            .await?;
        self.ranking.raise(video.id, video.visit_count).await;
        Ok(video)
    }
}

async fn publish(
    tx: &Tx,
    ids: &IdGenerator,
    author: Id,
    publication: &Publication,
) -> Result<Video, VideoError> {
    if let Some(upload) = publication.upload {
        let upload = uploads::lock(tx, upload).await?.filter(|upload| upload.user == author);
        // An upload whose time has just run out is taken all the same: its last byte came in time.
        let upload = upload.filter(|upload| !upload.is_ended()).ok_or(VideoError::UploadNotFound)?;
        if let Some(video) = upload.video {
            let video = videos::find(tx, video).await?;
            return video.filter(|video| video.deleted_at == 0).ok_or(VideoError::VideoNotFound);
        }
    }
    let video = insert(tx, ids, author, publication).await?;
    if let Some(upload) = publication.upload {
        uploads::set_video(tx, upload, video.id).await?;
    }
    Ok(video)
}

/// The new row with its events, or the row that the file has already.
async fn insert(
    tx: &Tx,
    ids: &IdGenerator,
    author: Id,
    publication: &Publication,
) -> Result<Video, VideoError> {
    for _ in 0..ID_ATTEMPTS {
        let video = new_video(ids.next(author.bucket()), author, publication);
        if videos::insert(tx, &video).await? {
            let events = counters::published(&video, &publication.cover)?;
            outbox::record(tx, counters::USER, &events).await?;
            return Ok(video);
        }
        match videos::lock_by_key(tx, &publication.video_key).await? {
            Some(video) if video.user != author => return Err(VideoError::NotTheAuthor),
            Some(video) if video.deleted_at == 0 => return Ok(video),
            Some(_) => return Err(VideoError::VideoNotFound),
            None => {} // the id was in use, not the key
        }
    }
    Err(VideoError::NoFreeId)
}

fn new_video(id: Id, author: Id, publication: &Publication) -> Video {
    Video {
        id,
        user: author,
        video_key: publication.video_key.clone(),
        cover_key: publication.cover_key.clone(),
        title: publication.title.clone(),
        description: publication.description.clone(),
        visit_count: 0,
        like_count: 0,
        comment_count: 0,
        created_at: id.millis(),
        updated_at: id.millis(),
        deleted_at: 0,
    }
}

#[cfg(test)]
mod tests {
    use volo_gen::fanone::base::EventKind;

    use super::*;
    use crate::testing::{Site, publication};

    #[tokio::test]
    async fn a_video_is_published_with_its_events() {
        let site = Site::with_shards(1).await;
        let author = site.user(7);
        let video = site.publish(author, "a cat").await;
        assert_eq!((video.user, video.id.bucket(), video.title.as_str()), (author, author.bucket(), "a cat"));
        assert_eq!((video.created_at, video.updated_at), (video.id.millis(), video.id.millis()));
        assert_eq!(site.videos.get(&[video.id]).await.unwrap(), std::slice::from_ref(&video));
        let events = site.events_to_the_user_service().await;
        assert_eq!(events[0], (EventKind::USER_VIDEOS, author, 1, None));
        let (kind, entity, _, picture) = &events[1];
        let picture = picture.as_ref().unwrap();
        assert_eq!((*kind, *entity), (EventKind::COVER_ADDED, video.id));
        assert_eq!((picture.id, picture.video_id, picture.user_id), (video.id.0, Some(video.id.0), author.0));
        assert_eq!((picture.key.as_str(), picture.model.as_str()), (video.cover_key.as_str(), "model-1"));
        assert_eq!(picture.vector, publication("a cat").cover.bytes);
    }

    #[tokio::test]
    async fn the_same_file_published_again_is_the_same_video() {
        let site = Site::with_shards(1).await;
        let author = site.user(7);
        let first = site.publish(author, "a cat").await;
        let again = Publication { title: "another title".to_owned(), ..publication("a cat") };
        assert_eq!(site.videos.publish(author, again).await.unwrap(), first);
        assert_eq!(site.events_to_the_user_service().await.len(), 2);
        let other = site.videos.publish(site.user(7), publication("a cat")).await;
        assert!(matches!(other, Err(VideoError::NotTheAuthor)), "{other:?}");
    }

    #[tokio::test]
    async fn published_side_by_side_the_same_file_is_one_video() {
        let site = Site::with_shards(1).await;
        let author = site.user(7);
        let (first, second) = futures::try_join!(
            site.videos.publish(author, publication("a cat")),
            site.videos.publish(author, publication("a cat")),
        )
        .unwrap();
        assert_eq!(first, second);
        assert_eq!(site.events_to_the_user_service().await.len(), 2);
    }

    #[tokio::test]
    async fn an_upload_becomes_one_video() {
        let site = Site::with_shards(1).await;
        let author = site.user(7);
        let upload = site.upload(author).await;
        let finish = |key: &str| Publication { upload: Some(upload.id), ..publication(key) };
        let video = site.videos.publish(author, finish("one")).await.unwrap();
        assert_eq!(site.uploads.get(author, upload.id).await.unwrap().video, Some(video.id));
        assert_eq!(site.videos.publish(author, finish("two")).await.unwrap(), video);
    }

    #[tokio::test]
    async fn what_was_published_and_deleted_is_not_published_again() {
        let site = Site::with_shards(1).await;
        let author = site.user(7);
        let upload = site.upload(author).await;
        let finish = || Publication { upload: Some(upload.id), ..publication("a cat") };
        let video = site.videos.publish(author, finish()).await.unwrap();
        site.videos.delete(author, video.id).await.unwrap();
        for again in [finish(), publication("a cat")] {
            let refused = site.videos.publish(author, again).await;
            assert!(matches!(refused, Err(VideoError::VideoNotFound)), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn an_upload_of_somebody_else_or_ended_publishes_nothing() {
        let site = Site::with_shards(1).await;
        let author = site.user(7);
        let ended = site.upload(author).await;
        site.uploads.delete(author, ended.id).await.unwrap();
        let foreign = site.upload(site.user(7)).await;
        let elsewhere = site.upload(site.user(8)).await;
        for upload in [ended.id, foreign.id, elsewhere.id, Id(1)] {
            let finish = Publication { upload: Some(upload), ..publication("a cat") };
            let refused = site.videos.publish(author, finish).await;
            assert!(matches!(refused, Err(VideoError::UploadNotFound)), "{refused:?}");
        }
        assert_eq!(site.videos.list(author, fanone_base::Page::new(0, 10).unwrap()).await.unwrap().1, 0);
        assert_eq!(site.events_to_the_user_service().await.len(), 0);
    }
}
