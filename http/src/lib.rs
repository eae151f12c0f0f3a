//! The front: routes, composition, websocket, upload, media and the API document.
