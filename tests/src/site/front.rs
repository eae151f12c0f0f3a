//! One more HTTP front.

use std::time::Duration;

use super::Site;
use crate::{eventually_within, instance::Instance, process::Process};

/// An HTTP front beside those of a site; ends with the value.
pub struct Front {
    instance: Instance,
}

impl Front {
    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.instance.port("http").expect("a front has a port"))
    }
}

impl Site {
    /// Starts another HTTP front on the same services, files and keys, with a cache of its own unless the settings name
    /// one that both can reach.
    pub async fn second_front(&self) -> Front {
        let mut instance = Instance::new(Some("http"));
        let mut settings = self.settings.clone();
        settings.push(("registry.url".to_owned(), self.registry()));
        let mut command = self.program(settings);
        command.envs(instance.places()).arg("http");
        instance.process = Some(Process::start(command));
        eventually_within(Duration::from_secs(60), "the second front is ready", async || {
            let answer = reqwest::get(instance.admin_url("/readyz")).await;
            let status = answer.map_err(|error| error.to_string())?.status();
            if status.is_success() { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
        Front { instance }
    }
}
