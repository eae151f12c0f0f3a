// A model that makes vectors of pictures, in a program of its own: clients/python is one to begin with, docs/models.md tells
// how. The front calls it; no role of ours serves it.
namespace rs fanone.embedding
namespace go fanone.embedding

include "base.thrift"

struct EmbedReq {
    1: required binary picture,   // PNG, upright, at most 512 pixels a side: made by the front, never a user's file
    2: required string model,     // which model is wanted, as in the setting model.name
}
struct EmbedResp {
    1: required base.BaseResp base,
    2: required binary vector,    // float32, little endian, of any length but zero; empty unless `base` is a success
    3: required string model,     // which model made it
}

service EmbeddingService {
    // 10003 (not found): this server has no such model.
    EmbedResp Embed(1: EmbedReq req)
}
