// The least that a hop between the front and a service can carry.
namespace rs floor

struct FetchReq { 1: required i64 id }
struct FetchResp { 1: required binary body }

service FloorService {
    FetchResp Fetch(1: FetchReq req)
}
