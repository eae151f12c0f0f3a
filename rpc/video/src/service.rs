//! The Thrift service: check the request, call one use case, answer.

use std::sync::Arc;

use fanone_base::{Id, IdGenerator};
use fanone_cache::Cache;
use fanone_call::reply;
use fanone_config::{Live, Settings};
use fanone_identity::current_user;
use fanone_store::Store;
use volo_gen::fanone::{
    base::{ApplyEventsReq, ApplyEventsResp},
    video as thrift,
};
use volo_thrift::ServerError;

use crate::{
    input,
    ranking::Ranking,
    uploads::{Rules, Upload, Uploads},
    video::{Video, Videos},
};

/// Serves videos and uploads.
#[derive(Clone)]
pub struct VideoService {
    videos: Videos,
    uploads: Uploads,
}

impl VideoService {
    /// The service on the rows of `store`, with the limits of `settings` and `live`; its ranking is in `cache`.
    pub fn new(settings: &Settings, live: &Live, store: Store, cache: Arc<dyn Cache>) -> Self {
        let ids = IdGenerator::default();
        let videos = Videos::new(store.clone(), ids.clone(), Ranking::new(cache));
        Self { videos, uploads: Uploads::new(store, ids, Rules::of(settings, live)) }
    }
}

impl thrift::VideoService for VideoService {
    async fn publish(&self, req: thrift::PublishReq) -> Result<thrift::PublishResp, ServerError> {
        let result = async {
            let author = current_user()?;
            self.videos.publish(author, input::publication(req)?).await
        };
        let (base, video) = reply(result.await)?;
        Ok(thrift::PublishResp { base, video: video.map(video_to_thrift) })
    }

    async fn get_videos(&self, req: thrift::GetVideosReq) -> Result<thrift::GetVideosResp, ServerError> {
        let result = async { self.videos.get(&input::ids(req.ids)?).await };
        let (base, videos) = reply(result.await)?;
        Ok(thrift::GetVideosResp { base, videos: list_to_thrift(videos) })
    }

    async fn feed(&self, req: thrift::FeedReq) -> Result<thrift::FeedResp, ServerError> {
        let (base, videos) = reply(self.videos.feed(req.latest_time).await)?;
        Ok(thrift::FeedResp { base, videos: list_to_thrift(videos) })
    }

    async fn list_videos(&self, req: thrift::ListVideosReq) -> Result<thrift::ListVideosResp, ServerError> {
        let result = async { self.videos.list(Id(req.user_id), input::page(&req.page)?).await };
        let (base, found) = reply(result.await)?;
        let (videos, total) = found.unzip();
        Ok(thrift::ListVideosResp { base, videos: list_to_thrift(videos), total: total_to_thrift(total) })
    }

    async fn popular(&self, req: thrift::PopularReq) -> Result<thrift::PopularResp, ServerError> {
        let result = async { self.videos.popular(input::page(&req.page)?).await };
        let (base, videos) = reply(result.await)?;
        Ok(thrift::PopularResp { base, videos: list_to_thrift(videos) })
    }

    async fn search(&self, req: thrift::SearchReq) -> Result<thrift::SearchResp, ServerError> {
        let result = async {
            let page = input::page(&req.page)?;
            self.videos.search(&input::query(&req)?, page).await
        };
        let (base, found) = reply(result.await)?;
        let (videos, total) = found.unzip();
        Ok(thrift::SearchResp { base, videos: list_to_thrift(videos), total: total_to_thrift(total) })
    }

    async fn visit(&self, req: thrift::VisitReq) -> Result<thrift::VisitResp, ServerError> {
        let result = async {
            let viewer = input::viewer(req.viewer.as_bytes())?;
            self.videos.visit(Id(req.video_id), viewer).await
        };
        let (base, counted) = reply(result.await)?;
        Ok(thrift::VisitResp { base, counted: counted.unwrap_or(false) })
    }

    async fn delete_video(
        &self,
        req: thrift::DeleteVideoReq,
    ) -> Result<thrift::DeleteVideoResp, ServerError> {
        let result = async { self.videos.delete(current_user()?, Id(req.video_id)).await };
        let (base, video) = reply(result.await)?;
        Ok(thrift::DeleteVideoResp { base, video: video.map(video_to_thrift) })
    }

    async fn create_upload(
        &self,
        req: thrift::CreateUploadReq,
    ) -> Result<thrift::CreateUploadResp, ServerError> {
        let result = async { self.uploads.create(current_user()?, input::file(&req)?).await };
        let (base, upload) = reply(result.await)?;
        Ok(thrift::CreateUploadResp { base, upload: upload.map(upload_to_thrift) })
    }

    async fn get_upload(&self, req: thrift::GetUploadReq) -> Result<thrift::GetUploadResp, ServerError> {
        let result = async { self.uploads.get(current_user()?, Id(req.upload_id)).await };
        let (base, upload) = reply(result.await)?;
        Ok(thrift::GetUploadResp { base, upload: upload.map(upload_to_thrift) })
    }

    async fn delete_upload(
        &self,
        req: thrift::DeleteUploadReq,
    ) -> Result<thrift::DeleteUploadResp, ServerError> {
        let result = async { self.uploads.delete(current_user()?, Id(req.upload_id)).await };
        let (base, _) = reply(result.await)?;
        Ok(thrift::DeleteUploadResp { base })
    }

    async fn apply_events(&self, req: ApplyEventsReq) -> Result<ApplyEventsResp, ServerError> {
        let result = async {
            let (source, number, changes) = input::batch(req)?;
            self.videos.apply(&source, number, changes).await
        };
        let (base, _) = reply(result.await)?;
        Ok(ApplyEventsResp { base })
    }
}

fn list_to_thrift(videos: Option<Vec<Video>>) -> Vec<thrift::Video> {
    videos.unwrap_or_default().into_iter().map(video_to_thrift).collect()
}

fn total_to_thrift(total: Option<u64>) -> i64 {
    total.unwrap_or_default().try_into().unwrap_or(i64::MAX)
}

fn video_to_thrift(video: Video) -> thrift::Video {
    thrift::Video {
        id: video.id.0,
        user_id: video.user.0,
        video_key: video.video_key.into(),
        cover_key: video.cover_key.into(),
        title: video.title.into(),
        description: video.description.into(),
        visit_count: video.visit_count,
        like_count: video.like_count,
        comment_count: video.comment_count,
        created_at: video.created_at,
        updated_at: video.updated_at,
        deleted_at: video.deleted_at,
    }
}

fn upload_to_thrift(upload: Upload) -> thrift::Upload {
    thrift::Upload {
        id: upload.id.0,
        user_id: upload.user.0,
        length: upload.file.length,
        title: upload.file.title.into(),
        description: upload.file.description.into(),
        filename: upload.file.filename.into(),
        created_at: upload.created_at,
        expires_at: upload.expires_at,
        video_id: upload.video.map(|id| id.0),
    }
}

#[cfg(test)]
mod tests {
    use fanone_base::Code;
    use fanone_identity::{Caller, UserClaims, scope};
    use volo_gen::fanone::{
        base::{BaseResp, Event, EventKind, Page},
        video::VideoService as _,
    };

    use super::*;
    use crate::testing::Site;

    async fn site() -> (Site, VideoService) {
        let site = Site::with_shards(1).await;
        let service = VideoService { videos: site.videos.clone(), uploads: site.uploads.clone() };
        (site, service)
    }

    async fn acting_for<T>(user: Id, call: impl Future<Output = Result<T, ServerError>>) -> T {
        let claims = UserClaims { user_id: user, session: Id(1), expires_at: i64::MAX };
        let caller = Caller { service: "fanone.http".into(), user: Some(claims) };
        scope(caller, call).await.unwrap()
    }

    fn code(base: &BaseResp) -> Option<Code> {
        Code::from_number(base.code)
    }

    fn publish(title: &str) -> thrift::PublishReq {
        thrift::PublishReq {
            video_key: format!("videos/{}", title.len()).into(),
            cover_key: "covers/1".into(),
            title: title.to_owned().into(),
            ..Default::default()
        }
    }

    #[tokio::test]
    async fn a_video_goes_through_its_life() {
        let (site, service) = site().await;
        let author = site.user(1);
        let video = acting_for(author, service.publish(publish("a cat"))).await.video.unwrap();
        assert_eq!((video.user_id, video.deleted_at), (author.0, 0));
        let page = Page { num: 0, size: 10 };
        let list = thrift::ListVideosReq { user_id: author.0, page: page.clone() };
        let list = service.list_videos(list).await.unwrap();
        assert_eq!((list.videos, list.total), (vec![video.clone()], 1));
        let found = service.search(thrift::SearchReq { keywords: "CAT".into(), page, ..Default::default() });
        assert_eq!(found.await.unwrap().total, 1);
        let visit = thrift::VisitReq { video_id: video.id, viewer: "ann".into() };
        assert!(service.visit(visit.clone()).await.unwrap().counted);
        assert!(!service.visit(visit).await.unwrap().counted);
        let likes = Event { kind: EventKind::VIDEO_LIKES, entity_id: video.id, delta: 2, picture: None };
        let batch = ApplyEventsReq { source: "interaction/1".into(), number: 1, events: vec![likes] };
        service.apply_events(batch).await.unwrap();
        let got = service.get_videos(thrift::GetVideosReq { ids: vec![video.id] }).await.unwrap();
        assert_eq!((got.videos[0].visit_count, got.videos[0].like_count), (1, 2));
        let delete = thrift::DeleteVideoReq { video_id: video.id };
        let refused = acting_for(site.user(1), service.delete_video(delete.clone())).await;
        assert_eq!(code(&refused.base), Some(Code::Forbidden));
        let deleted = acting_for(author, service.delete_video(delete)).await.video.unwrap();
        assert!(deleted.deleted_at > 0);
        assert!(service.feed(thrift::FeedReq { latest_time: 0 }).await.unwrap().videos.is_empty());
    }

    #[tokio::test]
    async fn refusals_are_answers_with_a_code() {
        let (site, service) = site().await;
        let base = service.publish(publish("nobody's")).await.unwrap().base;
        assert_eq!(code(&base), Some(Code::NotLoggedIn));
        let base = acting_for(site.user(1), service.publish(publish(""))).await.base;
        assert_eq!(
            (code(&base), base.msg.as_str()),
            (Some(Code::Parameter), "title: must have 1 to 100 characters")
        );
        let page = Page { num: -1, size: 10 };
        let base = service.popular(thrift::PopularReq { page }).await.unwrap().base;
        assert_eq!((code(&base), base.msg.starts_with("page_num: ")), (Some(Code::Parameter), true));
        let base = service.visit(thrift::VisitReq { video_id: 5, viewer: "ann".into() }).await.unwrap().base;
        assert_eq!(code(&base), Some(Code::VideoNotFound));
    }

    #[tokio::test]
    async fn an_upload_is_its_users_own() {
        let (site, service) = site().await;
        let (user, other) = (site.user(1), site.user(1));
        let create = thrift::CreateUploadReq { length: 10, title: "t".into(), ..Default::default() };
        let upload = acting_for(user, service.create_upload(create)).await.upload.unwrap();
        let get = thrift::GetUploadReq { upload_id: upload.id };
        assert_eq!(acting_for(user, service.get_upload(get.clone())).await.upload, Some(upload.clone()));
        let base = acting_for(other, service.get_upload(get.clone())).await.base;
        assert_eq!(code(&base), Some(Code::UploadNotFound));
        let delete = thrift::DeleteUploadReq { upload_id: upload.id };
        let base = acting_for(other, service.delete_upload(delete.clone())).await.base;
        assert_eq!(code(&base), Some(Code::UploadNotFound));
        let base = acting_for(user, service.delete_upload(delete)).await.base;
        assert_eq!(code(&base), Some(Code::Success));
        assert_eq!(acting_for(user, service.get_upload(get)).await.upload, None);
    }
}
