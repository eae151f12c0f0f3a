//! How a server ends.

use std::time::{Duration, Instant};

use tokio::{io::AsyncWriteExt, net::TcpStream};
use volo_gen::fanone::user::*;

use crate::kit::Site;

#[tokio::test]
async fn a_request_under_way_is_answered_after_the_stop() {
    let site = Site::start().await;
    let users = site.front();
    let call =
        tokio::spawn(async move { users.rotate_tokens(RotateTokensReq { refresh_token: "r".into() }).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    site.stop().await;
    assert_eq!(call.await.unwrap().unwrap().base.msg, "after a while");
}

#[tokio::test]
async fn idle_silent_and_stuck_connections_do_not_keep_it() {
    let site = Site::start().await;
    let users = site.front();
    users.get_users(GetUsersReq { ids: Vec::new() }).await.unwrap();
    let _silent = TcpStream::connect(site.address).await.unwrap();
    let mut half = TcpStream::connect(site.address).await.unwrap();
    half.write_all(&[0, 0, 1, 0, 0x10, 0]).await.unwrap();
    let stuck =
        tokio::spawn(async move { users.renew_access(RenewAccessReq { refresh_token: "r".into() }).await });
    tokio::time::sleep(Duration::from_millis(50)).await;

    let start = Instant::now();
    site.stop().await;
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert!(stuck.await.unwrap().is_err());
}
