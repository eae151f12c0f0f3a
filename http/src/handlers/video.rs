//! Videos: lists, search, visits. Publishing is in `upload`.

use fanone_base::{Code, Id, InvalidField, Page};
use utoipa::ToSchema;
use volo_gen::fanone::video::{FeedReq, GetVideosReq, PopularReq, VisitReq};

use crate::{
    calls,
    compose::{
        Problem,
        video::{self, wire},
    },
    envelope::{Answer, Done, Envelope, Outcome},
    extract::{Client, Fields, FromFields, Input, Login},
    objects::{Items, Listing, Video},
    openapi::{PageNum, PageSize},
    refusal::Refusal,
    state::App,
};

#[derive(Debug)]
pub(crate) struct Feed {
    latest_time: i64,
}

impl FromFields for Feed {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        Ok(Self { latest_time: fields.optional_time("latest_time")?.unwrap_or(0) })
    }
}

/// The newest videos, at most 30.
#[utoipa::path(get, path = "/video/feed", tag = "video",
    params(("latest_time" = Option<i64>, Query, minimum = 0, maximum = 9999999999999i64, example = 1704067200000i64,
        description = "Only videos created strictly after this time, in Unix milliseconds")),
    responses((status = 200, body = Envelope<Items<Video>>)))]
pub(crate) async fn feed(app: App, Input(query): Input<Feed>) -> Result<Answer<Items<Video>>, Refusal> {
    let answer = calls::answer(app.services.video.feed(FeedReq { latest_time: query.latest_time })).await?;
    Ok(Answer(Items { items: app.view.videos(answer.videos) }))
}

#[derive(Debug)]
pub(crate) struct OfUser {
    user_id: Id,
    page: Page,
}

impl FromFields for OfUser {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        Ok(Self { user_id: fields.id("user_id")?, page: fields.page()? })
    }
}

/// The videos of a user, the newest first.
#[utoipa::path(get, path = "/video/list", tag = "video",
    params(("user_id" = String, Query), ("page_num" = Option<PageNum>, Query), ("page_size" = Option<PageSize>, Query)),
    responses((status = 200, body = Envelope<Listing<Video>>)))]
pub(crate) async fn list(app: App, Input(query): Input<OfUser>) -> Result<Answer<Listing<Video>>, Refusal> {
    Ok(Answer(video::by_author(&app, query.user_id, query.page).await?))
}

/// The videos with the most visits.
#[utoipa::path(get, path = "/video/popular", tag = "video",
    params(("page_num" = Option<PageNum>, Query), ("page_size" = Option<PageSize>, Query)),
    responses((status = 200, body = Envelope<Items<Video>>)))]
pub(crate) async fn popular(app: App, Input(page): Input<Page>) -> Result<Answer<Items<Video>>, Refusal> {
    let answer = calls::answer(app.services.video.popular(PopularReq { page: wire(page) })).await?;
    Ok(Answer(Items { items: app.view.videos(answer.videos) }))
}

#[derive(Debug, ToSchema)]
#[schema(as = VideoSearch)]
pub(crate) struct Search {
    /// A part of the title or the description; empty: any.
    #[schema(example = "snow")]
    keywords: String,
    #[schema(value_type = PageNum, required = false)]
    page_num: u32,
    #[schema(value_type = PageSize, required = false)]
    page_size: u32,
    /// Unix milliseconds.
    #[schema(value_type = i64, required = false, minimum = 0, maximum = 9999999999999i64, example = 1704067200000i64)]
    from_date: Option<i64>,
    /// Unix milliseconds.
    #[schema(value_type = i64, required = false, minimum = 0, maximum = 9999999999999i64, example = 4102444800000i64)]
    to_date: Option<i64>,
    /// The author's whole name, in any case.
    #[schema(value_type = String, required = false)]
    username: Option<String>,
}

impl FromFields for Search {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        let page = fields.page()?;
        Ok(Self {
            keywords: fields.text("keywords")?,
            page_num: page.num,
            page_size: page.size,
            from_date: fields.optional_time("from_date")?,
            to_date: fields.optional_time("to_date")?,
            username: fields.optional_text("username")?,
        })
    }
}

/// The videos for which all given conditions hold, the newest first.
#[utoipa::path(post, path = "/video/search", tag = "video",
    request_body(content = Search, content_type = "multipart/form-data"),
    responses((status = 200, body = Envelope<Listing<Video>>)))]
pub(crate) async fn search(app: App, Input(form): Input<Search>) -> Result<Answer<Listing<Video>>, Refusal> {
    let search = video::Search {
        keywords: form.keywords,
        page: Page { num: form.page_num, size: form.page_size },
        from: form.from_date,
        to: form.to_date,
        username: form.username,
    };
    Ok(Answer(video::search(&app, search).await?))
}

#[derive(Debug, ToSchema)]
pub(crate) struct VideoId {
    #[schema(value_type = String)]
    video_id: Id,
}

impl FromFields for VideoId {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        Ok(Self { video_id: fields.id("video_id")? })
    }
}

/// One video.
#[utoipa::path(get, path = "/video/info", tag = "video",
    params(("video_id" = String, Query)),
    responses((status = 200, body = Envelope<Video>)))]
pub(crate) async fn info(app: App, Input(query): Input<VideoId>) -> Result<Answer<Video>, Refusal> {
    let request = GetVideosReq { ids: vec![query.video_id.0] };
    let mut answer = calls::answer(app.services.video.get_videos(request)).await?;
    let found = answer.videos.pop().ok_or(Problem::Refused(Code::VideoNotFound))?;
    Ok(Answer(app.view.video(found)))
}

/// Counts a visit, at most one per viewer and video in 10 minutes.
#[utoipa::path(post, path = "/video/visit", tag = "video",
    request_body(content = VideoId, content_type = "multipart/form-data"),
    responses((status = 200, body = Outcome)), security((), ("access" = []), ("bearer" = [])))]
pub(crate) async fn visit(
    app: App,
    login: Option<Login>,
    client: Client,
    Input(form): Input<VideoId>,
) -> Result<Done, Refusal> {
    let viewer = login.map_or_else(|| client.viewer(), |login| login.user.to_string());
    let request = VisitReq { video_id: form.video_id.0, viewer: viewer.into() };
    calls::answer(app.services.video.visit(request)).await?;
    Ok(Done)
}

/// Takes a video of the caller's down.
#[utoipa::path(delete, path = "/video/delete", tag = "video",
    request_body(content = VideoId, content_type = "multipart/form-data"),
    responses((status = 200, body = Outcome)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn delete(app: App, login: Login, Input(form): Input<VideoId>) -> Result<Done, Refusal> {
    login.acts(video::delete(&app, form.video_id)).await?;
    Ok(Done)
}
