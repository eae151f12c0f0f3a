//! The rules in force and what the layers know, to be shown.

use std::sync::PoisonError;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    client::Client, document::CircuitBreak, governance::Governance, names::Category, server::Server,
};

/// See the module.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Calls that are made.
    pub clients: Vec<ClientReport>,
    /// Calls that are served.
    pub servers: Vec<ServerReport>,
}

/// The rules of one document.
#[derive(Clone, Debug, Serialize)]
pub struct RuleReport {
    /// Its name.
    pub document: String,
    /// Whether there is no such document, so that the defaults rule.
    pub is_default: bool,
    /// As it would be written.
    pub rules: Value,
}

/// Calls of one client to one service.
#[derive(Clone, Debug, Serialize)]
pub struct ClientReport {
    /// Who calls.
    pub client: String,
    /// Who is called.
    pub server: String,
    /// By which rules.
    pub rules: Vec<RuleReport>,
    /// Methods whose calls may be repeated.
    pub repeatable: Vec<&'static str>,
    /// Of each method and each instance that was called.
    pub breakers: Vec<BreakerReport>,
}

/// One breaker.
#[derive(Clone, Debug, Serialize)]
pub struct BreakerReport {
    /// The method.
    pub method: &'static str,
    /// The instance.
    pub address: String,
    /// `closed`, `half-open` or `open`.
    pub state: &'static str,
    /// Calls of the last ten seconds.
    pub calls: u32,
    /// Of them, those that failed.
    pub failed: u32,
}

/// What one service takes.
#[derive(Clone, Debug, Serialize)]
pub struct ServerReport {
    /// Its name.
    pub server: String,
    /// By which rules.
    pub rules: RuleReport,
    /// Connections now.
    pub connections: usize,
}

impl Governance {
    /// How everything is now.
    #[must_use]
    pub fn report(&self) -> Report {
        Report {
            clients: self.clients().iter().map(|client| client.report()).collect(),
            servers: self.servers().iter().map(|server| server.report()).collect(),
        }
    }
}

impl Client {
    fn report(&self) -> ClientReport {
        let mut repeatable: Vec<&str> =
            self.methods.iter().filter(|(_, method)| method.is_read).map(|(name, _)| *name).collect();
        repeatable.sort_unstable();
        let looks = self.methods.iter().flat_map(|(name, method)| {
            method.look().into_iter().map(|(address, (state, calls, failed))| BreakerReport {
                method: name,
                address: address.to_string(),
                state: state.name(),
                calls,
                failed,
            })
        });
        let mut breakers: Vec<BreakerReport> = looks.collect();
        breakers.sort_by(|a, b| (a.method, &a.address).cmp(&(b.method, &b.address)));
        ClientReport {
            client: self.client.clone(),
            server: self.server.clone(),
            rules: Category::OF_CLIENT.map(|category| self.rule(category)).into(),
            repeatable,
            breakers,
        }
    }

    fn rule(&self, category: Category) -> RuleReport {
        let documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let default = |name: &str| {
            let rules = self.method(name).rules();
            let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            json!({"conn_timeout_ms": ms(rules.connect), "rpc_timeout_ms": ms(rules.timeout)})
        };
        let (is_default, rules) = match category {
            Category::RpcTimeout => shown(documents.timeouts.as_ref(), || json!({ "*": default("") })),
            Category::CircuitBreak => {
                shown(documents.breaks.as_ref(), || json!({ "each method": CircuitBreak::DEFAULT }))
            }
            Category::Retry => shown(
                documents.retries.as_ref(),
                || json!({ "methods that only read": "once more if the connection breaks, in the time of one call" }),
            ),
            Category::Degradation | Category::Limit => {
                shown(documents.degradation.as_ref(), || json!({"enable": false, "percentage": 0}))
            }
        };
        RuleReport {
            document: format!("{}.{}.{}", self.client, self.server, category.name()),
            is_default,
            rules,
        }
    }
}

impl Server {
    fn report(&self) -> ServerReport {
        let document = self.document.lock().unwrap_or_else(PoisonError::into_inner);
        let (is_default, rules) = shown(document.as_ref(), || json!({"connection_limit": 0, "qps_limit": 0}));
        ServerReport {
            server: self.name.clone(),
            rules: RuleReport {
                document: format!("{}.{}", self.name, Category::Limit.name()),
                is_default,
                rules,
            },
            connections: self.connections(),
        }
    }
}

/// A document as it is, or what holds without it.
fn shown<T: Serialize>(document: Option<&T>, default: impl Fn() -> Value) -> (bool, Value) {
    match document.map(serde_json::to_value) {
        Some(Ok(value)) => (false, value),
        Some(Err(error)) => (false, Value::String(error.to_string())),
        None => (true, default()),
    }
}
