//! The HTTPS API as a channel of a poll, of the simulated fleet.

#![cfg(test)]

pub(crate) mod impostor;

use std::sync::atomic::{AtomicBool, Ordering};

use impostor::{Impostor, TOKEN, answer, well};
use serde_json::Value;

use crate::house::{House, files};

/// The example fleet, in which the appliances of acme that are asked by SNMP have an API as well.
fn house() -> House {
    house_of("acme", "snmp: acme/snmp", "snmp: acme/snmp, api: acme/api")
}

/// The example fleet, with an API for some appliances of a customer.
fn house_of(customer: &str, from: &str, to: &str) -> House {
    let house = House::example_with(|house| {
        house.edit(&format!("inventory/customers/{customer}.yaml"), from, to);
        let source = format!("  {customer}/api: {{purpose: api, user: api, file: lab/secrets/{customer}-api}}\n");
        // One customer of the example has it already.
        let settings = std::fs::read_to_string(house.path("hoshu.yaml")).unwrap().replace(&source, "");
        let settings = settings.replace("credentials:\n", &format!("credentials:\n{source}"));
        std::fs::write(house.path("hoshu.yaml"), settings).unwrap();
    });
    house.onboard();
    house
}

/// What a poll says of the API as a whole, whatever else it says.
fn channel(house: &House, seat: &str) -> (String, String) {
    let polled = house.hoshu(&["poll", "--on", seat, "--json"]).json();
    let all = of(House::seat(&polled, seat), "channel");
    let whole = all.into_iter().find(|(name, ..)| name == "api").unwrap_or_default();
    (whole.1, whole.2)
}

fn poll(house: &House, seat: &str, code: i32) -> Value {
    let polled = house.hoshu(&["poll", "--on", seat, "--json"]).expect(code).json();
    House::seat(&polled, seat).clone()
}

/// The readings of a kind: name, condition, words.
fn of(seat: &Value, kind: &str) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let readings = seat["readings"].as_array().unwrap().iter();
    let of_kind = readings.filter(|reading| reading["component"]["kind"] == kind);
    of_kind.map(|one| (text(&one["component"]["name"]), text(&one["condition"]), text(&one["said"]))).collect()
}

fn line(name: &str, condition: &str, said: &str) -> (String, String, String) {
    (name.to_owned(), condition.to_owned(), said.to_owned())
}

/// The requests to the API of a unit, in their order.
fn requests(house: &House, seat: &str) -> Vec<String> {
    let unit = house.unit(seat);
    let log = unit["log"].as_array().unwrap().iter().filter(|record| record["received"] == "api");
    log.map(|record| record["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_api_of_a_well_appliance_agrees_and_is_left_as_it_was_met() {
    let house = house();
    let found = poll(&house, "acme-nx01", 0);
    assert_eq!(of(&found, "channel"), [line("api", "good", "answers"), line("snmp", "good", "answers")]);
    assert_eq!(of(&found, "api-status"), [line("", "good", "Good")]);
    let expected = ["login", "health/system", "alerts", "logout"];
    let asked = requests(&house, "acme-nx01");
    assert_eq!(asked.len(), expected.len(), "{asked:?}");
    assert!(asked.iter().zip(expected).all(|(found, end)| found.ends_with(end)), "{asked:?}");
}

#[test]
fn an_api_that_says_otherwise_is_a_finding_of_the_channel() {
    let house = house_of("acme", "snmp: acme/snmp", "api: acme/api");
    poll(&house, "acme-nx01", 0);
    house.break_unit("acme-nx01", "api-disagrees");
    let found = poll(&house, "acme-nx01", 4);
    let said = "channels disagree: SSH says good (Good), the API says bad (raid Degraded)";
    assert!(of(&found, "channel").contains(&line("api raid", "warning", said)), "{:?}", of(&found, "channel"));
    assert!(of(&found, "raid").iter().all(|(_, condition, _)| condition == "good"));
    house.break_unit("acme-nx01", "api-disabled");
    let off = poll(&house, "acme-nx01", 4);
    let said = "the Web Services API is switched off there";
    assert!(of(&off, "channel").contains(&line("api", "disabled", said)), "{:?}", of(&off, "channel"));
}

const HEALTH: &str = r#"{"status":"Good","appliance":{"name":"nx01"}}"#;

#[test]
fn an_api_that_does_harm_is_a_reading_of_the_channel_and_gets_nothing_more() {
    type Says = Box<dyn Fn(&str) -> Vec<u8> + Send + Sync>;
    let house = house();
    let elsewhere = Impostor::start(|_| answer("200", "", HEALTH));
    let health = |body: String| -> Says { Box::new(move |request: &str| well(request, &body)) };
    let login = |said: Vec<u8>| -> Says { Box::new(move |_: &str| said.clone()) };
    let away = format!("Location: https://127.0.0.1:{}/\r\n", elsewhere.port);
    let away_later = away.clone();
    let instead = |said: Vec<u8>| -> Says {
        Box::new(move |request: &str| if request.contains("/health/") { said.clone() } else { well(request, "") })
    };
    let xml = "<?xml version=\"1.0\"?><fireeyeapis><message>Server Error</message></fireeyeapis>";
    let entity = "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><message>&b;</message>";
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    let endless = format!(" HTTP/1.1 200 x\r\n\r\n{}", "x".repeat(1_100_000)).into_bytes();
    let refused = r#"{"fireeyeapis":{"@version":"v2.0.0","description":"Bad input. code:X001","httpStatus":400}}"#;
    let cases: Vec<(Says, &str, &str)> = vec![
        (health(HEALTH.to_owned()), "good", "answers"),
        (health(HEALTH.replace("nx01", "nx99")), "bad", "another appliance: expected nx01, found nx99"),
        (health("{\"status\": N/A}".to_owned()), "malformed", "health/system: no JSON: it breaks off in line 1"),
        (health("{\"status\": \"Go".to_owned()), "malformed", "health/system: no JSON: it ends too early in line 1"),
        (health(deep), "malformed", "health/system: JSON deeper than 64"),
        (health(xml.to_owned()), "malformed", "health/system: XML: Server Error"),
        (health(entity.to_owned()), "malformed", "health/system: XML: declares a document type, which is refused"),
        (health("{}".to_owned()), "missing", "answers, and says nothing that is known"),
        (instead(endless), "malformed", "the answer is longer than 1048576 bytes"),
        (
            instead(answer("200", "Content-Encoding: gzip\r\n", "zipped")),
            "malformed",
            "health/system: packed, though nobody asked for that",
        ),
        (instead(answer("302", &away, "")), "malformed", "health/system: sends elsewhere, which is not followed"),
        (instead(answer("400", "", refused)), "missing", "health/system: refused: Bad input. code:X001"),
        (instead(b" garbage\r\n\r\n".to_vec()), "missing", "invalid HTTP version parsed"),
        (login(answer("302", &away_later, "")), "malformed", "sends elsewhere, which is not followed"),
        (login(answer("200", "", "")), "malformed", "a login without a token"),
        (login(answer("404", "", "")), "missing", "no version of the API that is known"),
        (login(answer("503", "", "off")), "disabled", "the Web Services API is switched off there"),
    ];
    for (says, condition, said) in cases {
        let impostor = Impostor::start(says);
        impostor.take_the_place(&house, "acme-nx01");
        assert_eq!(channel(&house, "acme-nx01"), (condition.to_owned(), said.to_owned()));
        let got = impostor.got();
        let logged_in = got.iter().any(|request| request.contains("/health/"));
        let left = got.last().is_some_and(|request| request.starts_with("POST") && request.contains("/auth/logout"));
        assert_eq!(left, logged_in, "{said}: {got:?}");
        assert!(got.iter().all(|request| !request.to_lowercase().contains("accept-encoding")), "{got:?}");
    }
    assert!(elsewhere.got().is_empty(), "a redirect was followed");
}

#[test]
fn an_api_with_another_key_is_told_nothing() {
    let house = house();
    let (first, second) = (Impostor::start(|request| well(request, HEALTH)), Impostor::start(|_| Vec::new()));
    first.take_the_place_with(&house, "acme-nx01", &second.pin.to_string());
    let said = format!("certificate not accepted: found {}, expected {}", first.pin, second.pin);
    assert_eq!(channel(&house, "acme-nx01"), ("bad".to_owned(), said));
    assert!(first.got().is_empty());
    first.take_the_place(&house, "acme-nx01");
    assert_eq!(channel(&house, "acme-nx01").0, "good", "the name and the days of a certificate do not matter to a pin");
}

#[test]
fn old_tls_ends_with_its_last_day_and_nothing_is_dialled() {
    let house = House::example_with(|house| {
        let file = "inventory/customers/momiji.yaml";
        house.edit(file, "api: {pin:", "api: {algorithms: legacy, legacy_until: 2026-01-31, pin:");
    });
    house.onboard();
    let polled = house.hoshu(&["poll", "--on", "customer=momiji", "--json"]).json();
    let seats = polled["seats"].as_array().unwrap().iter();
    let said: Vec<_> = seats.flat_map(|seat| of(seat, "channel")).filter(|(name, ..)| name == "api").collect();
    let [(_, condition, words)] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(condition, "disabled");
    assert!(words.contains("legacy algorithms were allowed until 2026-01-31"), "{words}");
    let checked = house.hoshu(&["check"]).expect(0).err;
    assert!(checked.contains("the last day for legacy algorithms is over"), "{checked}");
    house.edit("inventory/customers/momiji.yaml", "legacy_until: 2026-01-31, pin:", "legacy_until: 2026-01-31} #");
    let refused = house.hoshu(&["check"]).expect(3).err;
    assert!(refused.contains("over legacy TLS a server is known by its pin alone"), "{refused}");
}

#[test]
fn an_older_version_is_asked_where_there_is_no_newer_and_a_closed_connection_is_made_anew() {
    let house = house();
    let old = Impostor::start(|request| {
        if request.contains("/v2.0.0/") {
            return answer("404", "Connection: close\r\n", "");
        }
        // One answer, and the connection is gone.
        [b" ".to_vec(), well(request, HEALTH)].concat()
    });
    old.take_the_place(&house, "acme-nx01");
    assert_eq!(channel(&house, "acme-nx01"), ("good".to_owned(), "answers".to_owned()));
    let lines: Vec<String> = old.got().iter().map(|request| request.lines().next().unwrap().to_owned()).collect();
    let expected = [
        "POST /wsapis/v2.0.0/auth/login HTTP/1.1",
        "POST /wsapis/v1.2.0/auth/login HTTP/1.1",
        "GET /wsapis/v1.2.0/health/system HTTP/1.1",
        "POST /wsapis/v1.2.0/auth/logout HTTP/1.1",
    ];
    assert_eq!(lines.iter().filter(|line| !line.contains("/alerts")).collect::<Vec<_>>(), expected.each_ref());
    let heads = old.got();
    assert!(heads[1].to_lowercase().contains("authorization: basic "), "{}", heads[1]);
    assert!(heads[2].contains(TOKEN) && !heads[2].to_lowercase().contains("authorization"), "{}", heads[2]);
}

#[test]
fn a_question_that_met_a_closing_connection_is_asked_once_more_and_a_login_is_not() {
    let house = house();
    let count = |impostor: &Impostor, path: &str| impostor.got().iter().filter(|one| one.contains(path)).count();
    // It closes instead of its first answer; the login before was answered on the same connection.
    let first = AtomicBool::new(true);
    let tired = Impostor::start(move |request| {
        let closes = request.contains("/health/") && first.swap(false, Ordering::SeqCst);
        if closes { b" ".to_vec() } else { well(request, HEALTH) }
    });
    tired.take_the_place(&house, "acme-nx01");
    assert_eq!(channel(&house, "acme-nx01"), ("good".to_owned(), "answers".to_owned()));
    assert_eq!((count(&tired, "/health/"), count(&tired, "/login")), (2, 1), "{:?}", tired.got());
    let closed = ("missing".to_owned(), "the connection was closed before an answer".to_owned());
    let gone =
        Impostor::start(|request| if request.contains("/health/") { b" ".to_vec() } else { well(request, HEALTH) });
    gone.take_the_place(&house, "acme-nx01");
    assert_eq!(channel(&house, "acme-nx01"), closed);
    assert_eq!(count(&gone, "/health/"), 2, "once more, and not for ever: {:?}", gone.got());
    // The answer that there is no newer version came on the connection of this login.
    let shut = Impostor::start(|request| match request {
        old if old.contains("/v2.0.0/") => answer("404", "", ""),
        login if login.contains("/login") => b" ".to_vec(),
        other => well(other, HEALTH),
    });
    shut.take_the_place(&house, "acme-nx01");
    assert_eq!(channel(&house, "acme-nx01"), closed);
    assert_eq!(count(&shut, "/v1.2.0/auth/login"), 1, "{:?}", shut.got());
}

#[test]
fn a_refused_login_brakes_the_credential_of_the_api_alone() {
    let house = house();
    let password = std::fs::read_to_string(house.path("lab/secrets/acme-api")).unwrap();
    std::fs::write(house.path("lab/secrets/acme-api"), "wrong-password\n").unwrap();
    let (condition, said) = channel(&house, "acme-nx01");
    assert_eq!(condition, "bad");
    assert!(
        said.starts_with("login refused: Authentication failed. code:AUTH001; acme/api: in doubt, which"),
        "{said}"
    );
    let decider = said.rsplit_once(", which ").unwrap().1.trim_end_matches(" decides").to_owned();
    let (condition, said) = channel(&house, &decider);
    assert_eq!(condition, "bad", "{said}");
    assert!(said.ends_with("acme/api: credential-stopped"), "{said}");
    // Nobody is asked any more, and the polls by SSH go on.
    std::fs::write(house.path("lab/secrets/acme-api"), password).unwrap();
    let before = requests(&house, "acme-nx01").len();
    let braked = ("missing".to_owned(), "braked: acme/api: credential-stopped".to_owned());
    assert_eq!(channel(&house, "acme-nx01"), braked);
    assert_eq!(requests(&house, "acme-nx01").len(), before);
    assert!(!of(&poll(&house, "acme-nx01", 4), "disk").is_empty());
    house.hoshu(&["credential", "clear", "acme/api"]).expect(0);
    assert_eq!(channel(&house, "acme-nx01").0, "good");
}

#[test]
fn neither_the_token_nor_the_password_is_anywhere() {
    let house = house();
    let echo = Impostor::start(|request| well(request, HEALTH));
    echo.take_the_place(&house, "acme-nx01");
    let password = std::fs::read_to_string(house.path("lab/secrets/acme-api")).unwrap().trim().to_owned();
    let mut out = String::new();
    for words in [&["poll", "--on", "acme-nx01"][..], &["poll", "--on", "acme-nx01", "--json"], &["finding", "list"]] {
        let run = house.command(words).env("HOSHU_LOG", "trace").output().unwrap();
        out += &String::from_utf8_lossy(&[run.stdout, run.stderr].concat());
    }
    assert!(out.contains("channel") && echo.got().iter().any(|request| request.contains(TOKEN)));
    let proof = echo.got().iter().find_map(|request| {
        let line = request.lines().find(|line| line.to_lowercase().starts_with("authorization"))?;
        line.rsplit(' ').next().map(str::to_owned)
    });
    for secret in [TOKEN, &password, &proof.unwrap()] {
        assert!(!out.contains(secret), "{secret}: {out}");
        for (path, bytes) in files(house.dir.path()) {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found || path.ends_with("lab/secrets/acme-api"), "{secret} is in {path:?}");
        }
    }
}

#[test]
fn the_limits_that_ssh_told_decide_how_much_is_asked() {
    let house = house();
    let detail = |code: i32| {
        let polled = house.hoshu(&["poll", "--on", "acme-nx01", "--tier", "detail", "--json"]).expect(code).json();
        of(House::seat(&polled, "acme-nx01"), "channel")
    };
    // A poll each minute would take more than an appliance may allow of which nothing is known.
    house.edit("hoshu.yaml", "credentials:", "tiers: {pulse: 10s, detail: 60s}\ncredentials:");
    let said = "not asked: polls of this period would take more than half of its limit of 1000 calls a day, which is \
                taken where none is known";
    let told = detail(0);
    assert!(told.contains(&line("api", "disabled", said)), "{told:?}");
    assert!(requests(&house, "acme-nx01").is_empty());
    // Every ten minutes one question fits.
    house.edit("hoshu.yaml", "tiers: {pulse: 10s, detail: 60s}\n", "");
    let said = "answers; 1 of its questions left out for its limit of calls";
    let told = detail(0);
    assert!(told.contains(&line("api", "good", said)), "{told:?}");
    let slow = house.hoshu(&["poll", "--on", "acme-nx01", "--tier", "slow", "--json"]).expect(0).json();
    let limits = of(House::seat(&slow, "acme-nx01"), "api-limit");
    assert_eq!(limits, [line("day", "good", "day 100000"), line("minute", "good", "minute 1000")]);
    let found = poll(&house, "acme-nx01", 0);
    assert!(of(&found, "channel").contains(&line("api", "good", "answers")), "{:?}", of(&found, "channel"));
    assert_eq!(of(&found, "last-alert").len(), 1);
}

#[test]
fn three_channels_that_disagree_are_one_finding() {
    let house = house();
    poll(&house, "acme-nx01", 0);
    house.break_unit("acme-nx01", "api-disagrees");
    house.break_unit("acme-nx01", "snmp-disagrees");
    let told = of(&poll(&house, "acme-nx01", 4), "channel");
    let said = "three channels disagree: SSH says good (Good), SNMP says bad (raid Degraded, raid healthy no), \
                the API says bad (raid Degraded)";
    assert!(told.contains(&line("all raid", "warning", said)), "{told:?}");
    let mut names: Vec<&str> = told.iter().map(|(name, ..)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["all raid", "api", "snmp", "snmp disk 3"]);
    house.hoshu(&["lab", "mend", "acme-nx01"]).expect(0);
    poll(&house, "acme-nx01", 4);
    let mended = of(&poll(&house, "acme-nx01", 0), "channel");
    assert!(mended.contains(&line("all raid", "good", "no disagreement")), "{mended:?}");
}

#[test]
fn an_hx_tells_its_version_and_its_agents_at_a_port_of_its_own() {
    let house = house_of("chidori", "snmp: chidori/snmp}", "snmp: chidori/snmp, api: chidori/api}");
    let found = poll(&house, "chidori-hx01", 0);
    let agents: Vec<_> = of(&found, "agents").into_iter().map(|(name, condition, _)| (name, condition)).collect();
    let is = |name: &str, condition: &str| (name.to_owned(), condition.to_owned());
    assert_eq!(agents, [is("seen-24h", "learning"), is("", "good")]);
    assert_eq!(of(&found, "api-status").len(), 1);
    assert!(of(&found, "channel").contains(&line("api", "good", "answers")), "{:?}", of(&found, "channel"));
    let number = |name: &str| {
        let mut all = found["readings"].as_array().unwrap().iter();
        let one = all.find(|one| one["component"]["kind"] == "agents" && one["component"]["name"] == name).unwrap();
        one["measure"]["milli"].as_i64().unwrap()
    };
    assert!(number("") > number("seen-24h") && number("seen-24h") > 0);
    let expected = ["GET /hx/api/v3/token", "version", "hosts", "hosts", "DELETE /hx/api/v3/token"];
    let asked = requests(&house, "chidori-hx01");
    assert!(asked.len() == 5 && asked.iter().zip(expected).all(|(found, end)| found.ends_with(end)), "{asked:?}");
}

#[test]
fn a_cm_tells_of_those_that_it_manages_beside_what_snmp_tells() {
    let house = house_of("momiji", "snmp: momiji/snmp}", "snmp: momiji/snmp, api: momiji/api}");
    for _ in 0..2 {
        let found = poll(&house, "momiji-cm01", 0);
        assert_eq!(of(&found, "managed").len(), 4, "{:?}", of(&found, "managed"));
        assert!(of(&found, "channel").contains(&line("api", "good", "answers")), "{:?}", of(&found, "channel"));
    }
    // Where SNMP is gone, the API goes on.
    house.break_unit("momiji-cm01", "snmp-silent");
    house.edit("hoshu.yaml", "snmp_s: 5", "snmp_s: 1");
    let found = of(&poll(&house, "momiji-cm01", 4), "managed");
    assert!(found.len() >= 3 && found.iter().filter(|(_, condition, _)| condition == "good").count() >= 3, "{found:?}");
}

mod ways {
    //! The way to the API, alone.

    use std::time::Duration;

    use hoshu::access::{Access, AccessError, LabTable, Peer, Router, SshAccess};
    use hoshu::model::inventory::{Algorithms, Channel, Gateway, GatewayAccess, Hop, HopKind, ProbeState};
    use hoshu::outbound::http::{Ask, Conversation, Method, Server, Trust};

    use super::impostor::{Impostor, TOKEN, well};
    use crate::access::proxy::{self, Proxy};
    use crate::access::world::{gateway, limits, seat};

    /// What a login says that goes to the API by this gateway.
    async fn log_in(router: Router, gateway: &Gateway) -> Result<u16, AccessError> {
        let seat = seat(Algorithms::Modern, Channel::Shell);
        let access = SshAccess::new(router, limits());
        let way = access.api(Peer { seat: &seat, gateway, behind: None }).await?;
        let trust = Trust::Pins(way.pin.as_slice());
        let (algorithms, wait) = (Algorithms::Modern, Duration::from_secs(5));
        let server = Server { name: &seat.hostname, trust, algorithms, wait, bytes_max: 1000 };
        let mut talk = Conversation::over(way.stream, server).await.unwrap();
        let ask = Ask { keep: Some("x-feapi-token"), ..Ask::new(Method::POST, "wsapis/v2.0.0/auth/login") };
        let answer = talk.ask(ask).await.unwrap();
        assert_eq!(secrecy::ExposeSecret::expose_secret(&answer.secret.unwrap()), TOKEN);
        Ok(answer.status)
    }

    fn table(impostor: &Impostor, hops: &[(&str, u16)]) -> Router {
        let hops: serde_json::Map<String, serde_json::Value> =
            hops.iter().map(|(place, port)| ((*place).to_owned(), (*port).into())).collect();
        let api = serde_json::json!({"nx01": {"port": impostor.port, "pin": impostor.pin}});
        let table = serde_json::json!({"v": 1, "ports": {}, "hops": hops, "api": api}).to_string();
        Router::Lab(LabTable::parse(&table).unwrap())
    }

    fn hop(kind: HopKind) -> Hop {
        Hop { port: Some(1080), ..Hop::new(kind, "proxy.example") }
    }

    #[tokio::test]
    async fn it_goes_through_real_proxies() {
        let impostor = Impostor::start(|request| well(request, "{}"));
        assert_eq!(log_in(table(&impostor, &[]), &gateway()).await.unwrap(), 200);
        if !proxy::are_here() {
            return;
        }
        let (socks5, http) = (Proxy::socks5(&[]), Proxy::http(""));
        for (kind, port) in [(HopKind::Socks5, socks5.port), (HopKind::HttpConnect, http.port)] {
            let gateway = Gateway { hops: vec![hop(kind)], ..gateway() };
            let router = table(&impostor, &[("proxy.example:1080", port)]);
            assert_eq!(log_in(router, &gateway).await.unwrap(), 200, "{kind}");
        }
        assert!(http.log().contains(&format!("CONNECT 127.0.0.1:{} ", impostor.port)), "{}", http.log());
    }

    #[tokio::test]
    async fn where_no_connection_goes_nothing_is_dialled() {
        let impostor = Impostor::start(|request| well(request, "{}"));
        let attended = Gateway { access: GatewayAccess::Attended, ..gateway() };
        let nested = Gateway { hops: vec![hop(HopKind::SshNested)], ..gateway() };
        let mut blocked = gateway();
        blocked.probes.https = ProbeState::Blocked;
        for (gateway, said) in [
            (attended, "not yet served: gateway direct is attended"),
            (nested, "not yet served: no connection goes through a hop of kind ssh-nested (gateway direct)"),
            (blocked, "not yet served: HTTPS is declared as blocked behind gateway direct"),
        ] {
            let refused = log_in(table(&impostor, &[]), &gateway).await.unwrap_err();
            assert_eq!(refused.to_string(), said);
        }
        let other = LabTable::parse(r#"{"v":1,"ports":{"nx01":22}}"#).unwrap();
        let refused = log_in(Router::Lab(other), &gateway()).await.unwrap_err();
        assert_eq!(refused.to_string(), "not yet served: seat nx01 has no HTTPS API in the lab");
        // In live no loopback is dialled.
        let mut own = seat(Algorithms::Modern, Channel::Shell);
        own.address = Some("127.0.0.1".parse().unwrap());
        own.api.port = Some(impostor.port);
        let access = SshAccess::new(Router::Live, limits());
        let gateway = gateway();
        let refused = access.api(Peer { seat: &own, gateway: &gateway, behind: None }).await.err().unwrap();
        assert_eq!(refused.to_string(), "not yet served: 127.0.0.1 is this host itself, where only a lab lives");
        assert!(impostor.got().is_empty());
    }
}
