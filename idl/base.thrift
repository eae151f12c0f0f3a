// What the four services share.
namespace rs fanone.base
namespace go fanone.base

// The first field of every answer. 10000 is success; the other codes are listed in docs/errors.md.
// An expected outcome (not found, wrong password) is a code here; an exception is a fault.
struct BaseResp {
    1: required i32 code,
    2: required string msg,
}

// Which part of a list is wanted. Pages count from 0; the size is 1 to 100.
struct Page {
    1: required i32 num,
    2: required i32 size,
}

// A picture's place in the picture library.
struct Picture {
    1: required i64 id,           // an avatar's own id, or the video's id
    2: required string key,       // media key
    3: required i64 user_id,      // who it belongs to
    4: optional i64 video_id,     // present for a cover
    5: required binary vector,    // float32, little endian; empty: to be computed later
    6: required string model,     // the model that made the vector
}

// What a counter event changes.
enum EventKind {
    VIDEO_LIKES = 1,
    VIDEO_COMMENTS = 2,
    USER_VIDEOS = 3,
    USER_LIKES = 4,
    USER_FOLLOWING = 5,
    USER_FOLLOWERS = 6,
    COVER_ADDED = 7,
    COVER_REMOVED = 8,
    COMMENT_LIKES = 9,
}

// A counter moves by `delta`; a COVER_* event carries or names (entity_id) a picture instead.
struct Event {
    1: required EventKind kind,
    2: required i64 entity_id,
    3: required i64 delta,
    4: optional Picture picture,
}

// A sealed batch of events. `source` names one shard of one service for ever; its batches are
// numbered from 1 and sent in order, so a receiver recognises one that it has already applied.
struct ApplyEventsReq {
    1: required string source,
    2: required i64 number,
    3: required list<Event> events,
}

struct ApplyEventsResp {
    1: required BaseResp base,
}
