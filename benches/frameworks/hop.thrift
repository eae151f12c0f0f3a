// The same hop in every framework: an HTTP front asks this service, and answers what it says as JSON.
namespace rs hop
namespace go hop

struct BaseResp {
    1: required i32 code,
    2: required string msg,
}

// As large as a video of the site.
struct Video {
    1: required i64 id,
    2: required i64 user_id,
    3: required string video_key,
    4: required string cover_key,
    5: required string title,
    6: required string description,
    7: required i64 visit_count,
    8: required i64 like_count,
    9: required i64 comment_count,
    10: required i64 created_at,
    11: required i64 updated_at,
    12: required i64 deleted_at,
}

struct GetVideoReq { 1: required i64 id }
struct GetVideoResp {
    1: required BaseResp base,
    2: required Video data,
}

service HopService {
    GetVideoResp GetVideo(1: GetVideoReq req)
}
