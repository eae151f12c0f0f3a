//! One connection, from the greeting to the close. It works on one request at a time; while it does, the next ones wait
//! in the socket, so a client can't make more work than it waits for.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use fanone_base::{Code, Id, time};
use fanone_cache::{Event, Subscription};
use fanone_telemetry::names;
use futures::{SinkExt, StreamExt, stream};
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout},
};
use tungstenite::{
    Error, Message, Utf8Bytes,
    protocol::{CloseFrame, frame::coding::CloseCode},
};
use volo_http::server::utils::ws::WebSocket;

use super::{
    channel,
    frame::{self, Asked},
    hub::Seat,
    rate::{Rate, Verdict},
    requests::{self, Push, Served},
};
use crate::{
    envelope::Base,
    extract::login::{Access, authenticate},
    refusal::Refusal,
    state::App,
};

/// How long a client may take to accept a frame.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to answer a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Silent pings after which a client is taken to be gone.
const SILENT_PINGS_MAX: u32 = 2;
/// Receivers told at the same time.
const PUSHES_AT_A_TIME: usize = 16;
/// All connections miss messages at the same time, when the cache server comes back: they look for them spread over so
/// long a time.
const SPREAD: Duration = Duration::from_secs(2);
/// When a connection that could not look tries again.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Why a connection ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The client has closed it, or does not read any more.
    Gone,
    /// We close it and say why.
    Close(u16, &'static str),
}

const LOGIN_OVER: u16 = 4401;
const SILENT: u16 = 4408;
const REPLACED: u16 = 4409;
const FLOOD: u16 = 4429;

/// Serves a connection until it ends.
pub(crate) async fn run(app: App, access: Access, seat: Seat, mut socket: WebSocket) {
    let token = access.token.clone();
    let end = fanone_call::as_user(&token, Box::pin(converse(&app, &access, &seat, &mut socket))).await;
    tracing::debug!(user_id = access.claims.user_id.0, ?end, "a chat connection ends");
    if let End::Close(code, reason) = end {
        close(&mut socket, code, reason).await;
    }
    drop(seat); // only now: the process waits for it when it ends
}

async fn converse(app: &App, access: &Access, seat: &Seat, socket: &mut WebSocket) -> End {
    let user = access.claims.user_id;
    // First: what is said from now on is heard, what was said before is in the summary.
    let mut events = match app.cache.subscribe(&channel(user)).await {
        Ok(events) => events,
        Err(error) => {
            tracing::error!(%error, "nobody can listen to the chat");
            return End::Close(CloseCode::Error.into(), "the chat is out of order");
        }
    };
    let per_second = app.live.get().limits.messages_per_second;
    let mut talk = Talk {
        app,
        socket,
        greeted: HashSet::new(),
        greet_at: None,
        rate: Rate::new(per_second, Instant::now()),
        heard: Instant::now(),
    };
    let outcome = match talk.greet().await {
        Ok(()) => talk.go_on(access, seat, &mut events).await,
        Err(end) => Err(end),
    };
    outcome.err().unwrap_or(End::Gone)
}

/// The state of a connection.
struct Talk<'a> {
    app: &'a App,
    socket: &'a mut WebSocket,
    /// What the greeting has told; it may come in again as an event.
    greeted: HashSet<Utf8Bytes>,
    /// When to greet again, because messages may have been missed.
    greet_at: Option<Instant>,
    rate: Rate,
    /// When the client gave its last sign of life.
    heard: Instant,
}

impl Talk<'_> {
    /// Tells the last message of each conversation that has unread ones.
    async fn greet(&mut self) -> Result<(), End> {
        self.greet_at = None;
        self.greeted.clear();
        let unread = match requests::summary(self.app).await {
            Ok(unread) => unread,
            Err(problem) => {
                tracing::warn!(
                    error = fanone_telemetry::chain(&problem),
                    "a chat goes on without its summary for a while"
                );
                self.greet_within(TRY_AGAIN, SPREAD);
                return Ok(());
            }
        };
        for conversation in unread {
            let frame = Utf8Bytes::from(frame::push(conversation.last));
            self.greeted.insert(frame.clone());
            self.send(Message::Text(frame)).await?;
        }
        Ok(())
    }

    /// Messages may have been missed: tells the last ones again, soon.
    fn greet_within(&mut self, pause: Duration, spread: Duration) {
        let at = || Instant::now() + pause + spread.mul_f64(rand::random());
        self.greet_at.get_or_insert_with(at);
    }

    async fn go_on(&mut self, access: &Access, seat: &Seat, events: &mut Subscription) -> Result<(), End> {
        let mut missed = seat.missed();
        let mut pings = pings(self.app.settings.chat.ping_interval());
        let left_ms = access.claims.expires_at.saturating_sub(time::now_ms());
        let expiry = Instant::now() + Duration::from_millis(u64::try_from(left_ms).unwrap_or_default());
        loop {
            tokio::select! {
                () = seat.closing() => return Err(End::Close(CloseCode::Away.into(), "the site goes down, connect again")),
                () = seat.replaced() => return Err(End::Close(REPLACED, "replaced by a newer connection")),
                () = sleep_until(expiry) => return Err(End::Close(LOGIN_OVER, "the access token has expired")),
                _ = pings.tick() => self.ping(&access.token, pings.period()).await?,
                event = events.next() => self.tell(event).await?,
                Ok(()) = missed.changed() => self.greet_within(Duration::ZERO, SPREAD),
                () = reached(self.greet_at) => self.greet().await?,
                incoming = self.socket.next() => match incoming {
                    None => return Err(End::Gone),
                    Some(Ok(message)) => self.hear(message).await?,
                    Some(Err(error)) => return Err(end_of(&error)),
                },
            }
        }
    }

    /// Asks for a sign of life, and looks whether the user is still logged in.
    async fn ping(&mut self, token: &str, interval: Duration) -> Result<(), End> {
        if self.heard.elapsed() > interval * SILENT_PINGS_MAX {
            return Err(End::Close(SILENT, "no sign of life"));
        }
        if let Err(refusal) = authenticate(self.app, token, None).await
            && refusal.code() == Code::NotLoggedIn
        {
            return Err(End::Close(LOGIN_OVER, "logged out"));
        }
        self.send(Message::Ping(Bytes::new())).await
    }

    /// Passes on what was said to the user.
    async fn tell(&mut self, event: Option<Event>) -> Result<(), End> {
        let frame = match event {
            Some(Event::Message(frame)) => frame,
            Some(Event::Lagged(_)) => {
                self.greet_within(Duration::ZERO, SPREAD);
                return Ok(());
            }
            // Nothing will be heard any more.
            None => return Err(End::Close(CloseCode::Again.into(), "messages were missed, connect again")),
        };
        let Ok(frame) = Utf8Bytes::try_from(frame) else { return Ok(()) };
        if self.greeted.remove(&frame) {
            return Ok(());
        }
        self.send(Message::Text(frame)).await
    }

    async fn hear(&mut self, message: Message) -> Result<(), End> {
        self.heard = Instant::now();
        match message {
            Message::Text(text) => {
                metrics::counter!(names::CHAT_FRAMES, "direction" => "in").increment(1);
                self.serve(&text).await
            }
            Message::Binary(_) => {
                Err(End::Close(CloseCode::Unsupported.into(), "only text frames are understood"))
            }
            // A ping is answered by the library; after a close the stream ends.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => Ok(()),
        }
    }

    /// Answers a request, then tells the others.
    async fn serve(&mut self, text: &str) -> Result<(), End> {
        let Asked { kind, seq, request } = frame::parse(text, self.app.settings.chat.content_max_chars);
        let outcome = match self.judge() {
            Verdict::Abuse => return Err(End::Close(FLOOD, "too many requests")),
            Verdict::TooFast => Err(Refusal::of(Code::TooManyRequests)),
            Verdict::Served => match request {
                Ok(request) => {
                    requests::serve(self.app, seq.as_deref(), request).await.map_err(Refusal::from)
                }
                Err(wrong) => Err(Refusal::from(wrong)),
            },
        };
        let (base, Served { data, push }) = match outcome {
            Ok(served) => (Base::SUCCESS, served),
            Err(refusal) => {
                let base = Base { code: refusal.code().number(), msg: refusal.message().to_owned().into() };
                (base, Served::default())
            }
        };
        let answered = self.send(Message::text(frame::answer(kind, seq.as_deref(), base, data))).await;
        // Whoever sent it may be gone by now; the message is stored and goes to its receivers.
        if let Some(push) = push {
            publish(self.app, push).await;
        }
        answered
    }

    /// Whether a request that comes now is served.
    fn judge(&mut self) -> Verdict {
        let limits = &self.app.live.get().limits;
        if limits.enabled {
            self.rate.judge(limits.messages_per_second, Instant::now())
        } else {
            Verdict::Served
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        if message.is_text() {
            metrics::counter!(names::CHAT_FRAMES, "direction" => "out").increment(1);
        }
        match timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}

/// Resolves at a time, if there is one.
async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn pings(interval: Duration) -> Interval {
    let mut pings = interval_at(Instant::now() + interval, interval);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings
}

/// Tells every connection of the receivers, wherever it is. One that can't be told finds the message unread.
async fn publish(app: &App, push: Push) {
    let frame = Bytes::from(push.frame);
    let told = |to: Id| {
        let frame = frame.clone();
        async move {
            if let Err(error) = app.cache.publish(&channel(to), frame).await {
                tracing::warn!(%error, "a message is stored, but its receiver can't be told");
            }
        }
    };
    stream::iter(push.to).for_each_concurrent(PUSHES_AT_A_TIME, told).await;
}

/// What to say to a client that broke the rules.
fn end_of(error: &Error) -> End {
    match error {
        Error::Capacity(_) => End::Close(CloseCode::Size.into(), "the frame is too large"),
        Error::Utf8(_) => End::Close(CloseCode::Invalid.into(), "the text is not UTF-8"),
        Error::Protocol(_) => End::Close(CloseCode::Protocol.into(), "not understood"),
        _ => End::Gone,
    }
}

/// Says why, and waits a moment for the client to hear it: a socket that is closed while bytes are under way takes back
/// what was said last.
async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::from_static(reason) };
    let farewell = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
        // The connection is at its end, whatever comes.
        let _ended = socket.get_mut().shutdown().await;
    };
    let _ended = timeout(CLOSE_TIMEOUT, farewell).await;
}
