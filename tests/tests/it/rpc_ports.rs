//! The Thrift ports take bytes from anybody who can reach them: none of that ends a process.

use fanone_tests::{Site, raw};

/// A frame: its length, then its content.
fn framed(content: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(content.len()).unwrap().to_be_bytes().to_vec();
    frame.extend(content);
    frame
}

/// A strict binary call of `method` with these arguments.
fn call(method: &str, arguments: &[u8]) -> Vec<u8> {
    let mut message = 0x8001_0001_u32.to_be_bytes().to_vec();
    message.extend(u32::try_from(method.len()).unwrap().to_be_bytes());
    message.extend(method.as_bytes());
    message.extend(1_u32.to_be_bytes());
    message.extend(arguments);
    message
}

/// Field 1, a struct, whose field 1 is a list of 2^31 - 1 structs (or numbers), of which none follows.
fn endless_list(element: u8) -> Vec<u8> {
    let mut arguments = vec![12, 0, 1, 15, 0, 1, element];
    arguments.extend(i32::MAX.to_be_bytes());
    arguments
}

/// A TTHeader that claims `length` bytes and a header of `words` times four.
fn tt_header(length: u32, words: u16, rest: &[u8]) -> Vec<u8> {
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend(0x1000_u16.to_be_bytes());
    bytes.extend(0_u16.to_be_bytes());
    bytes.extend(1_u32.to_be_bytes());
    bytes.extend(words.to_be_bytes());
    bytes.extend(rest);
    bytes
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let long_name = [&0x8001_0001_u32.to_be_bytes()[..], &i32::MAX.to_be_bytes(), b"GetUsers"].concat();
    let negative_name = [&0x8001_0001_u32.to_be_bytes()[..], &(-1_i32).to_be_bytes(), b"GetUsers"].concat();
    vec![
        ("nothing", Vec::new()),
        ("one byte", vec![0]),
        ("zeros", vec![0; 4096]),
        ("ones", vec![0xff; 4096]),
        ("an HTTP request", b"GET / HTTP/1.1\r\nHost: site\r\n\r\n".to_vec()),
        ("a frame of 4 GiB", [&u32::MAX.to_be_bytes()[..], &call("GetUsers", &[0])].concat()),
        ("a frame of 2 GiB", [&0x7fff_ffff_u32.to_be_bytes()[..], &call("GetUsers", &[0])].concat()),
        ("an empty frame", framed(&[])),
        ("a frame that ends early", framed(&call("GetUsers", &[12, 0])).to_vec()),
        ("a list without end, framed", framed(&call("GetUsers", &endless_list(12)))),
        ("a list of numbers without end, framed", framed(&call("GetUsers", &endless_list(10)))),
        ("a list without end, buffered", call("GetUsers", &endless_list(12))),
        ("events without end", framed(&call("ApplyEvents", &endless_list(12)))),
        ("a method name of 2 GiB", framed(&long_name)),
        ("a method name of -1 bytes", framed(&negative_name)),
        ("an unknown method", framed(&call("NoSuchMethod", &[0]))),
        ("no arguments", framed(&call("GetUsers", &[0]))),
        ("deep nesting", framed(&call("GetUsers", &[12, 0, 1].repeat(100_000)))),
        ("a TTHeader of 4 GiB", tt_header(u32::MAX, 4, &[0; 64])),
        ("a TTHeader longer than its message", tt_header(20, 0xffff, &[0; 64])),
        ("an empty TTHeader", tt_header(10, 0, &[])),
        (
            "a TTHeader with a broken info block",
            tt_header(64, 4, &[0, 0, 1, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]),
        ),
        (
            "a TTHeader whose text is not UTF-8",
            tt_header(40, 4, &[0, 0, 1, 0, 1, 0, 2, 0xff, 0xfe, 0, 2, 0xff, 0xfe]),
        ),
    ]
}

#[tokio::test]
async fn malformed_and_oversized_frames_do_not_end_the_site() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let before_kib = site.peak_memory_kib();
    for (what, bytes) in hostile() {
        for address in site.rpc_addresses() {
            raw::exchange(&address, &bytes).await;
        }
        assert!(site.is_alive(), "{what} ended the site\n{}", site.log());
        alice.get("/user/info").send().await.success();
    }
    let raised_kib = site.peak_memory_kib() - before_kib;
    assert!(raised_kib < 256 * 1024, "{raised_kib} KiB for frames of a few bytes");
}

#[tokio::test]
async fn a_call_without_a_service_token_gets_no_answer_but_an_exception() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    // GetUsers of one id, well formed: field 1, a struct, field 1, a list of one i64.
    let mut arguments = vec![12, 0, 1, 15, 0, 1, 10, 0, 0, 0, 1];
    arguments.extend(alice.id.parse::<i64>().unwrap().to_be_bytes());
    arguments.extend([0, 0]);
    let answer = raw::exchange(&site.rpc_addresses()[0], &framed(&call("GetUsers", &arguments))).await;
    let text = String::from_utf8_lossy(&answer);
    assert!(!text.contains(&alice.name), "a stranger reads a user: {text}");
}
