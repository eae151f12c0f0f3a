//! A call as the rules have it made: not at all, once, again, or side by side.

use std::{sync::OnceLock, time::Duration};

use fanone_governance::{BackupPolicy, FailurePolicy, Repeat};
use fanone_telemetry::trace::{self, Kind};
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use motore::Service;
use tokio::time::{Instant, sleep};
use volo::{
    FastStr,
    context::{Context, Endpoint, Role, RpcInfo},
};
use volo_thrift::{ClientError, context::ClientContext};

use crate::{
    attempt::{Called, Terms},
    deadline::time_left,
    error::unreachable,
    outbound::OutboundService,
    outcome::Outcome,
    traces,
};

/// Whether it was one beside the first, and what it brought.
type Ended<T> = (bool, Result<T, ClientError>);

impl<S> OutboundService<S> {
    /// Makes a call.
    pub(crate) async fn by_the_rules<Req>(
        &self,
        cx: &mut ClientContext,
        req: Req,
        name: &FastStr,
    ) -> Result<S::Response, ClientError>
    where
        S: Service<ClientContext, Req, Error = ClientError> + Send + Sync,
        S::Response: Send,
        Req: Clone + Send + Sync,
    {
        let client = &*self.shared.governed;
        if client.degrades() {
            return Err(unreachable("a rule gives up a part of the calls").into());
        }
        let method = client.method(name);
        let rules = method.rules();
        let called = Called { name, method, rules: &rules };
        match &rules.repeat {
            None => {
                let place = OnceLock::new();
                let terms = Terms { limit: rules.timeout, avoided: None, place: &place };
                self.attempt(cx, &req, called, terms).await
            }
            Some(Repeat::Failure(policy)) => self.again(cx, req, called, policy).await,
            Some(Repeat::Backup(policy)) => Box::pin(self.side_by_side(cx, req, called, policy)).await,
        }
    }

    /// One attempt after the other, until one brings something.
    async fn again<Req>(
        &self,
        cx: &mut ClientContext,
        req: Req,
        called: Called<'_>,
        policy: &FailurePolicy,
    ) -> Result<S::Response, ClientError>
    where
        S: Service<ClientContext, Req, Error = ClientError>,
        Req: Clone + Send + Sync,
    {
        let (begun, mut retries, mut avoided) = (Instant::now(), 0, None);
        loop {
            let total_left = policy.total.map(|total| total.saturating_sub(begun.elapsed()));
            let limit = total_left.map_or(called.rules.timeout, |left| left.min(called.rules.timeout));
            let place = OnceLock::new();
            let terms = Terms { limit, avoided, place: &place };
            let result = if retries == 0 {
                self.attempt(cx, &req, called, terms).await
            } else {
                let result = traced(self, called, "retry", self.attempt(cx, &req, called, terms)).await;
                called.method.count_retry(Outcome::of_called(&result).is_failure());
                result
            };
            let brought_nothing = Outcome::of_called(&result).brought_nothing();
            if policy.error_rate.is_some() {
                called.method.note_attempt(brought_nothing);
            }
            let pause = policy.backoff.pause();
            let may = || called.method.may_repeat(policy.error_rate) && is_time(begun, policy.within, pause);
            if !(brought_nothing && retries < policy.retries && may()) {
                return result;
            }
            if !pause.is_zero() {
                sleep(pause).await;
            }
            avoided = place.get().copied().filter(|_| !policy.same_instance);
            retries += 1;
        }
    }

    /// The first attempt, and others that are begun when it takes long; the first good answer counts.
    async fn side_by_side<Req>(
        &self,
        cx: &mut ClientContext,
        req: Req,
        called: Called<'_>,
        policy: &BackupPolicy,
    ) -> Result<S::Response, ClientError>
    where
        S: Service<ClientContext, Req, Error = ClientError> + Send + Sync,
        S::Response: Send,
        Req: Clone + Send + Sync,
    {
        let (begun, place, nowhere) = (Instant::now(), OnceLock::new(), OnceLock::new());
        let (seq_id, message_type) = (cx.seq_id, cx.message_type);
        let (caller, config) = (cx.rpc_info().caller().service_name(), *cx.rpc_info().config());
        let limit = called.rules.timeout;
        let mut running: FuturesUnordered<BoxFuture<'_, Ended<S::Response>>> = FuturesUnordered::new();
        let (mut backups, mut waited_for) = (0, 0);
        let req = &req;
        let first = self.attempt(cx, req, called, Terms { limit, avoided: None, place: &place });
        running.push(Box::pin(async move { (false, first.await) }));
        let result = loop {
            let may = backups < policy.backups
                && called.method.may_repeat(Some(policy.error_rate))
                && is_time(begun, policy.within, policy.delay);
            tokio::select! {
                biased;
                Some((is_backup, result)) = running.next() => {
                    let outcome = Outcome::of_called(&result);
                    called.method.note_attempt(outcome.brought_nothing());
                    if is_backup {
                        waited_for += 1;
                        called.method.count_backup(outcome.is_failure());
                    }
                    if !outcome.is_failure() || running.is_empty() {
                        break result;
                    }
                }
                () = sleep(policy.delay), if may => {
                    backups += 1;
                    let callee = Endpoint::new(self.shared.callee.clone());
                    let info = RpcInfo::new(Role::Client, called.name.clone(), Endpoint::new(caller.clone()), callee, config);
                    let mut cx = ClientContext::new(seq_id, info, message_type);
                    let avoided = place.get().copied();
                    let nowhere = &nowhere;
                    running.push(Box::pin(async move {
                        let terms = Terms { limit, avoided, place: nowhere };
                        let attempt = self.attempt(&mut cx, req, called, terms);
                        (true, traced(self, called, "backup", attempt).await)
                    }));
                }
            }
        };
        for _ in waited_for..backups {
            called.method.count_late_backup();
        }
        result
    }
}

/// An attempt with a span of its own inside that of the call.
async fn traced<S, F: Future>(
    service: &OutboundService<S>,
    called: Called<'_>,
    kind: &'static str,
    attempt: F,
) -> F::Output {
    let mut span = trace::child(Kind::Client);
    if span.is_recorded() {
        traces::describe(&mut span, &service.shared.callee, called.name);
        span.set("fanone.attempt", kind);
    }
    trace::within(span.context(), attempt).await
}

/// Whether an attempt may begin after `pause`, by the rule and by the request that the call is made for.
fn is_time(begun: Instant, within: Option<Duration>, pause: Duration) -> bool {
    within.is_none_or(|within| begun.elapsed() + pause < within)
        && time_left().is_none_or(|left| left > pause)
}
