//! One trivial call between two processes of ours, by all rules or by none: what `bench --governance` measures.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use clap::{Parser, Subcommand};
use fanone_call::Peer;
use fanone_config::{Balancing, Calls};
use fanone_governance::Governance;
use fanone_identity::{Keys, OnMissing};
use fanone_registry::{Instance, Registry};
use tokio::{net::TcpListener, time::Instant};
use volo_gen::fanone::{
    base::BaseResp,
    interaction::{
        DeleteCommentReq, DeleteCommentResp, InteractionService, InteractionServiceClientBuilder,
        InteractionServiceRequestRecv, InteractionServiceServer, LikeReq, LikeResp, ListCommentsReq,
        ListCommentsResp, ListLikedReq, ListLikedResp, PublishCommentReq, PublishCommentResp,
    },
};
use volo_thrift::ServerError;

/// As the site does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CALLER: &str = "fanone.http";
const CALLEE: &str = "fanone.interaction";
/// Every rule that a call meets; only `ListLiked` is called.
const RULES_ON: [(&str, &str); 4] = [
    (
        "fanone.http.fanone.interaction.rpc_timeout",
        r#"{"*": {"rpc_timeout_ms": 2000, "conn_timeout_ms": 200}}"#,
    ),
    (
        "fanone.http.fanone.interaction.circuit_break",
        r#"{"ListLiked": {"enable": true, "err_rate": 0.5, "min_sample": 200}}"#,
    ),
    (
        "fanone.http.fanone.interaction.retry",
        r#"{"*": {"enable": true, "type": 0, "failure_policy": {
        "stop_policy": {"max_retry_times": 3, "max_duration_ms": 2000, "cb_policy": {"error_rate": 0.3}}}}}"#,
    ),
    ("fanone.interaction.limit", r#"{"connection_limit": 100000, "qps_limit": 10000000}"#),
];
const RULES_OFF: [(&str, &str); 2] = [
    ("fanone.http.fanone.interaction.circuit_break", r#"{"ListLiked": {"enable": false}}"#),
    ("fanone.http.fanone.interaction.retry", r#"{"*": {"enable": false}}"#),
];

#[derive(Parser)]
struct Options {
    /// Folder of the keys
    #[arg(long)]
    keys: PathBuf,
    /// By all rules, instead of none
    #[arg(long)]
    governed: bool,
    /// The two instances
    #[arg(long, num_args = 2)]
    instances: Vec<SocketAddr>,
    #[command(subcommand)]
    side: Side,
}

#[derive(Subcommand)]
enum Side {
    /// Serve, until the process is ended
    Serve,
    /// Call, for a while: prints `begin` after a warm-up, then `end` with the number of calls, and waits for the end of its input
    Call {
        /// Calls at a time
        #[arg(long)]
        connections: usize,
        /// How long
        #[arg(long)]
        seconds: f64,
    },
}

struct Trivial;

impl InteractionService for Trivial {
    async fn list_liked(&self, _: ListLikedReq) -> Result<ListLikedResp, ServerError> {
        let base = BaseResp { code: 10000, msg: "success".into() };
        Ok(ListLikedResp { base, video_ids: Vec::new() })
    }

    async fn like(&self, _: LikeReq) -> Result<LikeResp, ServerError> {
        std::future::pending().await
    }

    async fn publish_comment(&self, _: PublishCommentReq) -> Result<PublishCommentResp, ServerError> {
        std::future::pending().await
    }

    async fn list_comments(&self, _: ListCommentsReq) -> Result<ListCommentsResp, ServerError> {
        std::future::pending().await
    }

    async fn delete_comment(&self, _: DeleteCommentReq) -> Result<DeleteCommentResp, ServerError> {
        std::future::pending().await
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let keys = Keys::open(&options.keys, OnMissing::Generate)?;
    let settings = Calls {
        rpc_timeout_ms: 2000,
        connect_timeout_ms: 200,
        frame_max_bytes: 1 << 24,
        concurrent_max: 1024,
        balancer: Balancing::Weighted,
    };
    let governance = Governance::new(&settings);
    let rules: &[(&str, &str)] = if options.governed { &RULES_ON } else { &RULES_OFF };
    for (name, text) in rules {
        governance.apply(name, text)?;
    }
    let instances = options.instances.iter().map(|address| Instance::new(CALLEE, *address));
    let registry = Registry::fixed(instances);
    let name = match options.side {
        Side::Serve => CALLEE,
        Side::Call { .. } => CALLER,
    };
    let lifetime = Duration::from_secs(300);
    let peer = Peer::new(name, &keys, lifetime, registry, &settings)?.governed_by(&governance);
    match options.side {
        Side::Serve => serve(&peer, &options.instances).await,
        Side::Call { connections, seconds } => {
            call(&peer, connections, Duration::from_secs_f64(seconds)).await
        }
    }
}

async fn serve(peer: &Peer, addresses: &[SocketAddr]) -> anyhow::Result<()> {
    for address in addresses {
        let listener = TcpListener::bind(address).await?;
        let service = InteractionServiceServer::from_handler(Trivial);
        let server =
            peer.serve::<InteractionServiceRequestRecv, _>(service, listener, std::future::pending())?;
        tokio::spawn(server);
    }
    std::future::pending().await
}

async fn call(peer: &Peer, connections: usize, time: Duration) -> anyhow::Result<()> {
    let client = Arc::new(peer.client(InteractionServiceClientBuilder::new(CALLEE)));
    let for_a_while = async |time: Duration| {
        let end = Instant::now() + time;
        let callers = (0..connections).map(|_| {
            let client = Arc::clone(&client);
            tokio::spawn(async move {
                let mut calls = 0_usize;
                while Instant::now() < end {
                    client.list_liked(ListLikedReq::default()).await.context("a call failed")?;
                    calls += 1;
                }
                anyhow::Ok(calls)
            })
        });
        let mut sum = 0;
        for caller in callers.collect::<Vec<_>>() {
            sum += caller.await??;
        }
        anyhow::Ok(sum)
    };
    for_a_while(time / 5).await?;
    println!("begin");
    let calls = for_a_while(time).await?;
    println!("end {calls}");
    // Whoever measures must find the process.
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    Ok(())
}
