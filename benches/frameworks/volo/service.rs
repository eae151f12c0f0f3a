//! The service: answers from memory.

use std::net::SocketAddr;

use volo::net::Address;
use volo_thrift::ServerError;

use crate::generated::hop_gen::hop::{
    BaseResp, GetVideoReq, GetVideoResp, HopService, HopServiceServer, Video,
};

struct Service(Video);

impl HopService for Service {
    async fn get_video(&self, req: GetVideoReq) -> Result<GetVideoResp, ServerError> {
        let base = BaseResp { code: 10000, msg: "success".into() };
        Ok(GetVideoResp { base, data: Video { id: req.id, ..self.0.clone() } })
    }
}

/// The same in every framework; the runner holds them against each other.
fn video() -> Video {
    Video {
        id: 0,
        user_id: 7212345678901234567,
        video_key: "videos/0f3b5c1e9a7d4e62b8c0d1f2a3b4c5d6.mp4".into(),
        cover_key: "covers/9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b.jpg".into(),
        title: "Galaxy above the pond".into(),
        description:
            "One night, one camera, four hundred pictures: the Milky Way and what it looks like in still water."
                .into(),
        visit_count: 123456,
        like_count: 7890,
        comment_count: 321,
        created_at: 1767225600000,
        updated_at: 1769904000000,
        deleted_at: 0,
    }
}

pub(crate) async fn run(address: SocketAddr) -> anyhow::Result<()> {
    let served = HopServiceServer::new(Service(video())).run(Address::from(address)).await;
    served.map_err(|error| anyhow::anyhow!("{error}"))
}
