//! Where a call goes when the chosen instance cannot be connected to.
//!
//! Nothing was sent then, so another instance may have the call even if it changes something.

use fanone_registry::Registry;
use motore::{Service, layer::Layer};
use volo::{
    context::Context,
    discovery::{Discover, Instance},
    net::Address,
};
use volo_thrift::{ClientError, context::ClientContext, transport::DialPlan};

/// The layer behind the balancer.
#[derive(Clone)]
pub(crate) struct Fallback(pub(crate) Registry);

impl<S> Layer<S> for Fallback {
    type Service = FallbackService<S>;

    fn layer(self, inner: S) -> FallbackService<S> {
        FallbackService { registry: self.0, inner }
    }
}

#[derive(Clone)]
pub(crate) struct FallbackService<S> {
    registry: Registry,
    inner: S,
}

impl<S, Req> Service<ClientContext, Req> for FallbackService<S>
where
    S: Service<ClientContext, Req, Error = ClientError> + Send + Sync + 'static,
    Req: Send + 'static,
{
    type Response = S::Response;
    type Error = ClientError;

    async fn call(&self, cx: &mut ClientContext, req: Req) -> Result<S::Response, ClientError> {
        let callee = cx.rpc_info().callee();
        if let Some(chosen) = callee.address()
            && let Ok(instances) = self.registry.discover(callee).await
            && let Some(other) = other_than(&chosen, &instances)
        {
            cx.extensions_mut().insert(DialPlan::with_fallback(chosen, other));
        } else {
            // A plan of the try before would name another instance first.
            cx.extensions_mut().remove::<DialPlan>();
        }
        self.inner.call(cx, req).await
    }
}

/// The usable instance after `chosen`, so that a dead one's share goes to all the others in turn.
fn other_than(chosen: &Address, instances: &[impl AsRef<Instance>]) -> Option<Address> {
    let at = instances.iter().position(|instance| instance.as_ref().address == *chosen)?;
    let (before, after) = instances.split_at(at);
    let mut others = after.iter().skip(1).chain(before).map(AsRef::as_ref);
    others.find(|instance| instance.weight > 0).map(|instance| instance.address.clone())
}
