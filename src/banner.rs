//! What is printed when the site is ready: what runs, where, and what to try next.

use fanone_config::{Role, Settings};

/// Prints the start message for `roles`.
pub(crate) fn print(settings: &Settings, roles: &[Role], started: std::time::Duration) {
    let whole = roles.len() == Role::ALL.len();
    let what = if whole { "The whole site" } else { "FanOne" };
    println!("{what} is ready after {} ms.\n", started.as_millis());
    for role in roles {
        let address = settings.listen(*role);
        let kind = if *role == Role::Http { "HTTP  " } else { "Thrift" };
        println!("  {:<12} {kind}  {address}", role.as_str());
    }
    println!("  {:<12} HTTP    {}", "admin", settings.admin.listen);
    println!("  {:<12} {}\n", "data", settings.data_dir.display());
    if roles.contains(&Role::Http) {
        let url = &settings.http.public_url;
        println!("Try next:");
        println!("  {url}/           the site");
        println!("  {url}/docs       the API, to read and to try");
        println!("  fanone seed --url {url}    20 users, 60 videos, likes, comments, chats");
    }
    println!("Ctrl-C ends it.");
}
