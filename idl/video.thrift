// Videos, feed, ranking, search, visits and uploads.
// "auth": the caller's metadata must carry the access token of the user it acts for.
namespace rs fanone.video
namespace go fanone.video

include "base.thrift"

// Times are Unix milliseconds; `deleted_at` 0 means not deleted.
struct Video {
    1: required i64 id,
    2: required i64 user_id,
    3: required string video_key,       // media key
    4: required string cover_key,       // media key
    5: required string title,
    6: required string description,
    7: required i64 visit_count,
    8: required i64 like_count,
    9: required i64 comment_count,
    10: required i64 created_at,
    11: required i64 updated_at,
    12: required i64 deleted_at,
}

struct PublishReq {
    1: required string video_key,       // publishing the same key again answers the same video
    2: required string cover_key,
    3: required string title,
    4: required string description,
    5: required binary cover_vector,    // float32, little endian; empty: to be computed later
    6: required string cover_model,
    7: optional i64 upload_id,          // the resumable upload that this finishes
}
struct PublishResp {
    1: required base.BaseResp base,
    2: optional Video video,
}

// At most 100 ids. Unknown and deleted ones are left out; the order is that of the ids.
struct GetVideosReq { 1: required list<i64> ids }
struct GetVideosResp {
    1: required base.BaseResp base,
    2: required list<Video> videos,
}

// Strictly after `latest_time` (0: all), newest first, at most 30.
struct FeedReq { 1: required i64 latest_time }
struct FeedResp {
    1: required base.BaseResp base,
    2: required list<Video> videos,
}

struct ListVideosReq {
    1: required i64 user_id,
    2: required base.Page page,
}
struct ListVideosResp {
    1: required base.BaseResp base,
    2: required list<Video> videos,
    3: required i64 total,
}

struct PopularReq { 1: required base.Page page }
struct PopularResp {
    1: required base.BaseResp base,
    2: required list<Video> videos,
}

// All given conditions hold together. `keywords` is a substring of title or description; empty: any.
struct SearchReq {
    1: required string keywords,
    2: required base.Page page,
    3: optional i64 from_date,
    4: optional i64 to_date,
    5: optional i64 user_id,
}
struct SearchResp {
    1: required base.BaseResp base,
    2: required list<Video> videos,
    3: required i64 total,
}

// `viewer` is whatever tells two viewers apart, at most 64 bytes.
struct VisitReq {
    1: required i64 video_id,
    2: required string viewer,
}
struct VisitResp {
    1: required base.BaseResp base,
    2: required bool counted,           // false: this viewer was here in the last 10 minutes
}

struct DeleteVideoReq { 1: required i64 video_id }
struct DeleteVideoResp {
    1: required base.BaseResp base,
    2: optional Video video,            // as it was: its media objects can go now
}

// The record of a resumable upload. How many bytes have arrived is known by the media store.
struct Upload {
    1: required i64 id,
    2: required i64 user_id,
    3: required i64 length,             // bytes
    4: required string title,
    5: required string description,
    6: required string filename,
    7: required i64 created_at,
    8: required i64 expires_at,
    9: optional i64 video_id,           // present once it is published
}
struct CreateUploadReq {
    1: required i64 length,
    2: required string title,
    3: required string description,
    4: required string filename,
}
struct CreateUploadResp {
    1: required base.BaseResp base,
    2: optional Upload upload,
}
struct GetUploadReq { 1: required i64 upload_id }
struct GetUploadResp {
    1: required base.BaseResp base,
    2: optional Upload upload,
}
struct DeleteUploadReq { 1: required i64 upload_id }
struct DeleteUploadResp { 1: required base.BaseResp base }

service VideoService {
    // auth
    PublishResp Publish(1: PublishReq req)
    GetVideosResp GetVideos(1: GetVideosReq req)
    FeedResp Feed(1: FeedReq req)
    ListVideosResp ListVideos(1: ListVideosReq req)
    PopularResp Popular(1: PopularReq req)
    SearchResp Search(1: SearchReq req)
    VisitResp Visit(1: VisitReq req)
    // auth. The author only.
    DeleteVideoResp DeleteVideo(1: DeleteVideoReq req)
    // auth
    CreateUploadResp CreateUpload(1: CreateUploadReq req)
    // auth. The uploader only.
    GetUploadResp GetUpload(1: GetUploadReq req)
    // auth. The uploader only.
    DeleteUploadResp DeleteUpload(1: DeleteUploadReq req)
    // From the interaction service: counters.
    base.ApplyEventsResp ApplyEvents(1: base.ApplyEventsReq req)
}
