//! The one list of operations: path, methods, handlers. The router, the API document and the tests are made from it.

use http::{HeaderValue, Method};
use utoipa::OpenApi;
use volo_http::server::{
    Router,
    route::{MethodRouter, get},
};

use crate::{
    chat::handshake,
    gate::{not_found, other_method},
    handlers::{auth, comment, group, like, pages, picture, relation, user, video},
    media,
    upload::{form, tus},
};

macro_rules! operations {
    ($($path:literal: $($method:ident $module:ident::$handler:ident),+;)+) => {
        /// Every path with its methods.
        #[cfg(test)]
        pub(crate) const OPERATIONS: &[(&str, &[&str])] = &[$(($path, &[$(stringify!($method)),+])),+];

        fn operations() -> Router {
            Router::new()$(.route($path, {
                let router = MethodRouter::default();
                $(let router = add!(router, $method, $module::$handler);)+
                let allow = allow(&[$(stringify!($method)),+]);
                router.fallback(move |method: Method| {
                    let allow = allow.clone();
                    async move { other_method(&method, allow) }
                })
            }))+
        }

        /// What stands at the handlers, collected.
        #[derive(OpenApi)]
        #[openapi(paths($($($module::$handler),+),+))]
        pub(crate) struct Documented;
    };
}

/// Whatever can be read can be asked for its head.
macro_rules! add {
    ($router:ident,get, $handler:expr) => {
        $router.get($handler).head($handler)
    };
    ($router:ident, $method:ident, $handler:expr) => {
        $router.$method($handler)
    };
}

operations! {
    "/user/register": post user::register;
    "/user/login": post user::login;
    "/user/info": get user::info;
    "/user/avatar/upload": put user::upload_avatar;
    "/user/image/search": post picture::search_best;
    "/image/search": post picture::search;
    "/auth/mfa/qrcode": get auth::qrcode;
    "/auth/mfa/bind": post auth::bind;
    "/auth/mfa/unbind": post auth::unbind;
    "/auth/refresh": post auth::refresh;
    "/auth/logout": post auth::logout;
    "/video/feed": get video::feed;
    "/video/list": get video::list;
    "/video/popular": get video::popular;
    "/video/search": post video::search;
    "/video/info": get video::info;
    "/video/publish": post form::publish;
    "/video/visit": post video::visit;
    "/video/delete": delete video::delete;
    "/like/action": post like::action;
    "/like/list": get like::list;
    "/comment/publish": post comment::publish;
    "/comment/list": get comment::list;
    "/comment/delete": delete comment::delete;
    "/relation/action": post relation::action;
    "/following/list": get relation::following;
    "/follower/list": get relation::followers;
    "/friends/list": get relation::friends;
    "/group/create": post group::create;
    "/group/join": post group::join;
    "/group/leave": post group::leave;
    "/group/list": get group::list;
    "/group/members": get group::members;
    "/ws": get handshake::connect;
    "/upload": options tus::options, post tus::create;
    "/upload/{id}": head tus::look, patch tus::append, delete tus::terminate, post tus::overridden;
    "/media/{*key}": get media::read;
    "/openapi.json": get pages::document;
}

/// Every route: the operations, and the pages for people.
pub(crate) fn router() -> Router {
    let router = operations();
    #[cfg(test)]
    let router = router.route("/panics", get(async || -> &'static str { panic!("as the test wants it") }));
    router
        .route("/", get(pages::home).head(pages::home))
        .route("/web/{file}", get(pages::asset).head(pages::asset))
        .route("/docs", get(pages::docs).head(pages::docs))
        .route("/docs/{file}", get(pages::docs_asset).head(pages::docs_asset))
        .fallback(not_found)
}

/// Whether a path carries files or lasts: its requests have no time limit as a whole, only one for silence.
pub(crate) fn is_transfer(path: &str) -> bool {
    matches!(path, "/video/publish" | "/user/avatar/upload" | "/user/image/search" | "/image/search" | "/ws")
        || ["/upload", "/media/"].iter().any(|prefix| path.starts_with(prefix))
}

/// The `Allow` header of a path with these methods.
fn allow(methods: &[&str]) -> HeaderValue {
    let mut names: Vec<String> = methods.iter().map(|method| method.to_ascii_uppercase()).collect();
    if methods.contains(&"get") && !methods.contains(&"head") {
        names.push("HEAD".to_owned());
    }
    // Names of methods are letters.
    HeaderValue::try_from(names.join(", ")).unwrap_or(HeaderValue::from_static(""))
}
