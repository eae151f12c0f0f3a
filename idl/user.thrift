// Accounts, tokens, MFA, avatars and the picture library.
// "auth": the caller's metadata must carry the access token of the user it acts for.
namespace rs fanone.user
namespace go fanone.user

include "base.thrift"

// Times are Unix milliseconds; `deleted_at` 0 means not deleted.
struct User {
    1: required i64 id,
    2: required string username,
    3: required string avatar,          // media key; empty: none yet
    4: required i64 video_count,
    5: required i64 like_count,         // likes received
    6: required i64 following_count,
    7: required i64 follower_count,
    8: required i64 created_at,
    9: required i64 updated_at,
    10: required i64 deleted_at,
}

struct Tokens {
    1: required string access_token,
    2: required string refresh_token,
}

struct RegisterReq {
    1: required string username,
    2: required string password,
}
struct RegisterResp {
    1: required base.BaseResp base,
    2: optional i64 user_id,
}

struct LoginReq {
    1: required string username,
    2: required string password,
    3: optional string code,            // MFA code, required once MFA is bound
}
struct LoginResp {
    1: required base.BaseResp base,
    2: optional User user,
    3: optional Tokens tokens,
}

struct RenewAccessReq { 1: required string refresh_token }
struct RenewAccessResp {
    1: required base.BaseResp base,
    2: optional string access_token,
}

struct RotateTokensReq { 1: required string refresh_token }
struct RotateTokensResp {
    1: required base.BaseResp base,
    2: optional Tokens tokens,
}

struct LogoutReq {}
struct LogoutResp { 1: required base.BaseResp base }

// At most 100 ids. Unknown ids are left out of the answer; the order is that of the ids.
struct GetUsersReq { 1: required list<i64> ids }
struct GetUsersResp {
    1: required base.BaseResp base,
    2: required list<User> users,
}

// Exact name, without case.
struct FindUserReq { 1: required string username }
struct FindUserResp {
    1: required base.BaseResp base,
    2: optional User user,
}

struct SetAvatarReq {
    1: required string key,
    2: required binary vector,
    3: required string model,
}
struct SetAvatarResp {
    1: required base.BaseResp base,
    2: optional User user,
    3: optional string previous_key,    // the media object that nothing refers to any more
}

struct BeginMfaReq {}
struct BeginMfaResp {
    1: required base.BaseResp base,
    2: optional string secret,          // base32
    3: optional string url,             // otpauth://
}

struct BindMfaReq {
    1: required string code,
    2: optional string secret,          // if sent, must equal the pending one
}
struct BindMfaResp { 1: required base.BaseResp base }

struct UnbindMfaReq {
    1: required string code,
    2: required string password,
}
struct UnbindMfaResp { 1: required base.BaseResp base }

struct SearchPicturesReq {
    1: required binary vector,
    2: required string model,
    3: required i32 limit,              // 1 to 100
}
struct PictureMatch {
    1: required string key,
    2: required double score,           // cosine, 1 is equal
    3: required i64 user_id,
    4: optional i64 video_id,           // present for a cover
}
struct SearchPicturesResp {
    1: required base.BaseResp base,
    2: required list<PictureMatch> items,
    3: required bool complete,          // false while pictures with a vector of another model wait for one of this
}

struct ListUndescribedReq {
    1: required string model,
    2: required i32 limit,              // 1 to 500
}
struct UndescribedPicture {
    1: required i64 id,
    2: required string key,             // media key
}
struct ListUndescribedResp {
    1: required base.BaseResp base,
    2: required list<UndescribedPicture> items,
}

struct DescribedPicture {
    1: required i64 id,
    2: required binary vector,          // float32, little endian; empty: there can be none, and it is not asked for again
}
struct SetVectorsReq {
    1: required string model,
    2: required list<DescribedPicture> items,   // at most 500
}
struct SetVectorsResp {
    1: required base.BaseResp base,
    2: required i32 written,            // the others are gone, or are of this model already
}

service UserService {
    RegisterResp Register(1: RegisterReq req)
    LoginResp Login(1: LoginReq req)
    // A new access token for a valid refresh token, which stays valid.
    RenewAccessResp RenewAccess(1: RenewAccessReq req)
    // Both tokens anew; using a refresh token a second time revokes its whole family.
    RotateTokensResp RotateTokens(1: RotateTokensReq req)
    // auth. Revokes the session of the access token.
    LogoutResp Logout(1: LogoutReq req)
    GetUsersResp GetUsers(1: GetUsersReq req)
    FindUserResp FindUser(1: FindUserReq req)
    // auth
    SetAvatarResp SetAvatar(1: SetAvatarReq req)
    // auth. Makes a pending secret, valid for 10 minutes.
    BeginMfaResp BeginMfa(1: BeginMfaReq req)
    // auth
    BindMfaResp BindMfa(1: BindMfaReq req)
    // auth
    UnbindMfaResp UnbindMfa(1: UnbindMfaReq req)
    // Among the pictures that the named model has described.
    SearchPicturesResp SearchPictures(1: SearchPicturesReq req)
    // Pictures whose vector, if there is one, is not of this model.
    ListUndescribedResp ListUndescribed(1: ListUndescribedReq req)
    SetVectorsResp SetVectors(1: SetVectorsReq req)
    // From the video and social services: counters and covers.
    base.ApplyEventsResp ApplyEvents(1: base.ApplyEventsReq req)
}
