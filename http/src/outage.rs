//! What a front makes up for when the cache server was away: what it could not tell the others meanwhile.

use std::time::Duration;

use bytes::Bytes;
use fanone_cache::Subscription;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::{extract::login::revoke_again, state::App};

/// Here a front tells the others that they may have missed what it published.
const CHANNEL: &str = "missed";
/// How often a front looks whether the server has come back, and how long it waits before it listens once more.
const EVERY: Duration = Duration::from_secs(1);

/// Makes up for outages until `shutdown`.
pub(crate) async fn run(app: App, shutdown: CancellationToken) {
    shutdown.run_until_cancelled(watch(&app)).await;
}

async fn watch(app: &App) {
    let mut epoch = app.cache.epoch();
    loop {
        match app.cache.subscribe(CHANNEL).await {
            Ok(events) => listen(app, events, &mut epoch).await,
            Err(error) => tracing::warn!(%error, "other fronts can't be heard"),
        }
        sleep(EVERY).await;
    }
}

async fn listen(app: &App, mut events: Subscription, epoch: &mut u64) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = events.next() => match event {
                // Another front was cut off, or this one: in both cases messages may not have come through.
                Some(_) => app.chat.tell_missed(),
                None => return,
            },
            _ = ticks.tick() => {
                let now = app.cache.epoch();
                if *epoch != now {
                    *epoch = now;
                    make_up(app).await;
                }
            }
        }
    }
}

/// The server is back.
async fn make_up(app: &App) {
    tracing::info!("the cache server is back: the other fronts are told what they may have missed");
    revoke_again(app).await;
    if let Err(error) = app.cache.publish(CHANNEL, Bytes::new()).await {
        tracing::warn!(%error, "other fronts can't be told");
    }
}

#[cfg(test)]
mod tests {
    use fanone_base::Id;

    use super::*;
    use crate::testing::front;

    #[tokio::test]
    async fn after_an_outage_the_connections_of_every_front_look_for_what_they_missed() {
        let front = front(&[]);
        let other = front.beside();
        let stop = CancellationToken::new();
        let watching = tokio::spawn(run(other.app.clone(), stop.clone()));
        let seat = other.app.chat.enter(Id(7)).unwrap();
        let mut missed = seat.missed();
        while !missed.has_changed().unwrap() {
            make_up(&front.app).await; // again, until the other one listens
            sleep(Duration::from_millis(10)).await;
        }
        missed.changed().await.unwrap();
        stop.cancel();
        watching.await.unwrap();
    }
}
