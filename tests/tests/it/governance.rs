//! Rules of calls, as an operator of Kitex writes them: by documents in a folder.

use std::{fs, path::PathBuf, time::Duration};

use fanone_tests::{Client, Code, Site, eventually_within};
use serde_json::Value;

/// The folder of the documents, in that of the site.
const FOLDER: (&str, &str) = ("config.url", "file:documents");
/// What a change may take.
const SOON: Duration = Duration::from_secs(3);
const FROM_FRONT_TO_USER: &str = "fanone.http.fanone.user";

fn document(site: &Site, name: &str) -> PathBuf {
    site.data_dir().with_file_name("documents").join(name)
}

fn publish(site: &Site, name: &str, text: &str) {
    let path = document(site, name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let half = path.with_file_name("half");
    fs::write(&half, text).unwrap();
    fs::rename(half, path).unwrap();
}

/// Waits until every front answers this about a user, asked again and again.
async fn info_of_users_is(site: &Site, client: &Client, code: i64) {
    eventually_within(SOON, "the rule is in force at every front", async || {
        for front in site.front_addresses() {
            let answer = client.at(&front).get("/user/info").send().await;
            if answer.code() != code {
                return Err(answer.shown());
            }
        }
        Ok(())
    })
    .await;
}

/// What each process that calls or serves shows of a document.
async fn shown(site: &Site, name: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for url in site.admin_urls("/governance?format=json") {
        let page: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        let clients = page["clients"].as_array().unwrap().iter();
        let of_clients = clients.flat_map(|client| client["rules"].as_array().unwrap());
        let of_servers = page["servers"].as_array().unwrap().iter().map(|server| &server["rules"]);
        found.extend(of_clients.chain(of_servers).filter(|rule| rule["document"] == name).cloned());
    }
    assert!(!found.is_empty(), "nobody shows {name}");
    found
}

#[tokio::test]
async fn a_rule_is_in_force_within_three_seconds_and_goes_with_its_document() {
    let site = Site::with(&[FOLDER]).await;
    let alice = site.user("alice").await;
    let name = format!("{FROM_FRONT_TO_USER}.degradation");
    info_of_users_is(&site, &alice, 10000).await;
    assert!(shown(&site, &name).await.iter().all(|rule| rule["origin"] == "default"));

    publish(&site, &name, r#"{"enable": true, "percentage": 100}"#);
    info_of_users_is(&site, &alice, i64::from(Code::Unavailable.number())).await;
    alice.get("/user/info").send().await.rejected(503, Code::Unavailable);
    site.guest().get("/video/feed").send().await.success();
    for rule in shown(&site, &name).await {
        assert_eq!(rule["rules"]["percentage"], 100);
        assert!(rule["origin"].as_str().unwrap().ends_with(&format!("documents/{name}")), "{rule}");
    }

    fs::remove_file(document(&site, &name)).unwrap();
    info_of_users_is(&site, &alice, 10000).await;
    assert!(shown(&site, &name).await.iter().all(|rule| rule["origin"] == "default"));
    let (metrics, log) = (site.metrics().await, site.log());
    assert!(metrics.sum("fanone_rpc_degraded_total") > 0.0);
    assert_eq!(
        log.matches("the rules of calls have changed").count(),
        2 * site.front_addresses().len(),
        "{log}"
    );
}

#[tokio::test]
async fn a_bad_rule_is_refused_and_the_one_before_stays() {
    let site = Site::with(&[FOLDER]).await;
    let name = "fanone.user.limit";
    let is_shown = async |qps: u32| {
        eventually_within(SOON, "every user service goes by it", async || {
            let rules = shown(&site, name).await;
            if rules.iter().all(|rule| rule["rules"]["qps_limit"] == qps) {
                Ok(())
            } else {
                Err(format!("{rules:?}"))
            }
        })
        .await;
    };
    publish(&site, name, r#"{"qps_limit": 1000000, "colour": "unknown keys are passed over"}"#);
    is_shown(1_000_000).await;
    publish(&site, name, r#"{"qps_limit": -1}"#);
    eventually_within(SOON, "it is refused", async || {
        match site.metrics().await.sum("fanone_config_documents_refused_total") {
            refused if refused > 0.0 => Ok(()),
            none => Err(none.to_string()),
        }
    })
    .await;
    is_shown(1_000_000).await;
    assert!(site.log().contains("qps_limit: invalid value"), "{}", site.log());
}

#[tokio::test]
async fn above_its_limit_a_service_refuses_calls_and_the_site_says_so() {
    let site = Site::with(&[FOLDER]).await;
    let alice = site.user("alice").await;
    publish(&site, "fanone.user.limit", r#"{"qps_limit": 1}"#);
    eventually_within(SOON, "a call is refused", async || {
        let answer = alice.get("/user/info").send().await;
        if answer.code() == i64::from(Code::TooManyRequests.number()) { Ok(()) } else { Err(answer.shown()) }
    })
    .await;
}

#[tokio::test]
async fn people_see_rules_breakers_and_instances_in_a_browser() {
    let site = Site::with(&[]).await;
    site.user("alice").await;
    let mut pages = String::new();
    for url in site.admin_urls("/governance") {
        let answer =
            reqwest::Client::new().get(url).header("accept", "text/html,*/*;q=0.8").send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        pages.push_str(&answer.text().await.unwrap());
    }
    for part in ["fanone.http.fanone.user.retry", "fanone.video.limit", "closed", "Login", "<th>weight"] {
        assert!(pages.contains(part), "{part} is not in\n{pages}");
    }
}
