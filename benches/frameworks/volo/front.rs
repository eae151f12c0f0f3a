//! The front: asks the service, and answers what it says as JSON.

use std::{net::SocketAddr, time::Duration};

use http::StatusCode;
use serde::Deserialize;
use volo::net::Address;
use volo_http::{
    server::{
        Router, Server,
        extract::{Json, Query},
        route::get,
    },
    utils::Extension,
};
use volo_thrift::transport::pool;

use crate::generated::hop_gen::hop::{GetVideoReq, GetVideoResp, HopServiceClient, HopServiceClientBuilder};

/// More than there are requests side by side.
const IDLE_CONNECTIONS: usize = 1024;

#[derive(Deserialize)]
struct Asked {
    video_id: i64,
}

async fn video_info(
    Extension(videos): Extension<HopServiceClient>,
    Query(asked): Query<Asked>,
) -> Result<Json<GetVideoResp>, StatusCode> {
    let answer = videos.get_video(GetVideoReq { id: asked.video_id }).await;
    answer.map(Json).map_err(|_| StatusCode::BAD_GATEWAY)
}

pub(crate) async fn run(address: SocketAddr, service: SocketAddr) -> anyhow::Result<()> {
    let videos = HopServiceClientBuilder::new("hop")
        .caller_name("front")
        .address(service)
        .pool_config(pool::Config::new(IDLE_CONNECTIONS, Duration::from_secs(30)))
        .rpc_timeout(Some(Duration::from_secs(2)))
        .connect_timeout(Some(Duration::from_millis(500)))
        .build();
    let router: Router = Router::new().route("/video/info", get(video_info)).layer(Extension(videos));
    Server::new(router).run(Address::from(address)).await.map_err(|error| anyhow::anyhow!("{error}"))
}
