//! The floor: a bare volo-http front that fetches its answer from a bare volo-thrift service over
//! TCP, without identity, limits, database or logs. Nothing built on these frameworks is faster.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use bytes::Bytes;
use clap::Parser;
use http::header::CONTENT_TYPE;
use volo::net::Address;
use volo_http::{
    response::Response,
    server::{Router, Server, route::get},
    utils::Extension,
};
use volo_thrift::ServerError;

#[expect(warnings, clippy::all, reason = "generated from idl/floor.thrift")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/floor_gen.rs"));
}

use generated::floor_gen::floor::{
    FetchReq, FetchResp, FloorService, FloorServiceClient, FloorServiceClientBuilder, FloorServiceServer,
};

/// As the site does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Options {
    /// Where the front listens.
    #[arg(long)]
    http: SocketAddr,
    /// Where the service listens.
    #[arg(long)]
    rpc: SocketAddr,
    /// What is answered.
    #[arg(long)]
    body: PathBuf,
}

struct Floor(Bytes);

impl FloorService for Floor {
    async fn fetch(&self, _: FetchReq) -> Result<FetchResp, ServerError> {
        Ok(FetchResp { body: self.0.clone() })
    }
}

async fn front(Extension(client): Extension<FloorServiceClient>) -> Response {
    let mut response = Response::default();
    match client.fetch(FetchReq { id: 1 }).await {
        Ok(answer) => {
            response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
            *response.body_mut() = volo_http::body::Body::from(answer.body);
        }
        Err(_) => *response.status_mut() = http::StatusCode::BAD_GATEWAY,
    }
    response
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let body = Bytes::from(std::fs::read(&options.body)?);
    let service = FloorServiceServer::new(Floor(body)).run(Address::from(options.rpc));
    let service = tokio::spawn(async move { service.await.map_err(|error| anyhow::anyhow!("{error}")) });
    let client = FloorServiceClientBuilder::new("floor")
        .address(options.rpc)
        .rpc_timeout(Some(Duration::from_secs(2)))
        .connect_timeout(Some(Duration::from_millis(500)))
        .build();
    let router: Router = Router::new().route("/", get(front)).layer(Extension(client));
    let front = Server::new(router).run(Address::from(options.http));
    tokio::select! {
        done = service => done?,
        done = front => done.map_err(|error| anyhow::anyhow!("{error}")),
    }
}
