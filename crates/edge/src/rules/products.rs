//! Stages that are no rulesets: the form of URLs, access rules, lockdowns, user agents, hotlinks, managed transforms.

use rempart_features::access::{Locked, Mode, Verdict};
use rempart_features::hotlink::Hotlink;
use rempart_features::managed_transforms::LOCATION_HEADERS;
use rempart_features::normalization::{self, Normalization, Scope};
use rempart_features::rulesets::plan::Product;
use rempart_flow::{Fault, Known};
use rempart_rules::{Arena, Fields as _, Value, shown};

use super::added::ForwardedFor;
use super::fields::{BodyFields, Facts, Seen, SeenUri};
use super::matched::Match;
use super::pages::{self, Refusal};
use super::{Ruling, rewrite};
use crate::exchange::Screening;
use crate::pipeline::Progress;
use crate::text::IpText;

/// So much of a field is shown that has decided.
const SEEN_BYTES_MAX: usize = 300;

type Ran = Result<Progress, Fault>;

/// Has rules see the URL in its one form, and the origin too if the zone wants that.
pub(crate) fn normalize(screening: &mut Screening<'_, '_>) -> Ran {
    let Some(zone) = screening.zone else { return Ok(Progress::Done) };
    let Normalization { kind, scope } =
        zone.features.as_ref().map_or_else(Normalization::default, |features| features.normalization);
    let own = screening.head;
    let path = own.bytes(own.path);
    if scope == Scope::None || normalization::is_normal(path, kind) {
        return Ok(Progress::Done);
    }
    let mut normal = Vec::new();
    normalization::normalize(path, kind, &mut normal);
    if normal == path {
        return Ok(Progress::Done);
    }
    if let Some(trace) = &screening.core.trace {
        let whom = if scope == Scope::Both { "rules, the cache and the origin see" } else { "rules see" };
        trace.note(&format!(
            "{whom} the path {}",
            shown(Value::Bytes(&normal), &Arena::default(), SEEN_BYTES_MAX)
        ));
    }
    let ruling = screening.ruling.get_or_insert_default();
    if scope == Scope::Both {
        rewrite::uri(ruling.head(own), Some(&normal), None)?;
    } else {
        let query = own.query.map(|query| own.bytes(query).into());
        ruling.uri = Some(SeenUri { path: normal.into(), query });
    }
    Ok(Progress::Done)
}

/// Access rules for addresses: those of the account first.
pub(crate) fn access(screening: &mut Screening<'_, '_>) -> Ran {
    let Some(zone) = screening.zone else { return Ok(Progress::Done) };
    let account = screening.snapshot.settings.account.as_ref().map(|account| &account.access);
    let own = zone.features.as_ref().map(|features| &features.access);
    // Networks and countries are not known yet.
    let verdict =
        account.into_iter().chain(own).find_map(|access| access.ip(screening.client.ip, None, None));
    Ok(verdict.map_or(Progress::Done, |verdict| decide(screening, &verdict, "ip", pages::BANNED)))
}

/// Paths that only certain addresses may ask for.
pub(crate) fn lockdown(screening: &mut Screening<'_, '_>) -> Ran {
    let Some(features) = features(screening, Product::ZoneLockdown) else { return Ok(Progress::Done) };
    let locked = with_facts(screening, |facts, ip| {
        let uri = [facts.path(), &facts.query_text()].concat();
        features.access.lockdown(&facts.host_text(), &uri, ip)
    });
    Ok(match locked {
        Locked::No => Progress::Done,
        Locked::LetIn => {
            screening.ruling.get_or_insert_default().is_past_lockdown = true;
            Progress::Done
        }
        Locked::Out(verdict) => decide(screening, &verdict, "zoneLockdown", pages::LOCKED),
    })
}

/// Rules for user agents. Who is named by a lockdown of the URL is not asked by what he comes.
pub(crate) fn user_agent(screening: &mut Screening<'_, '_>) -> Ran {
    let Some(features) = features(screening, Product::UaBlock) else { return Ok(Progress::Done) };
    if screening.ruling.as_ref().is_some_and(|ruling| ruling.is_past_lockdown) {
        return Ok(Progress::Done);
    }
    let fields = &screening.head.fields;
    // Of several an origin takes which it likes.
    let verdict = match fields.has(Known::UserAgent) {
        false => features.access.user_agent(b""),
        true => fields.values(Known::UserAgent).find_map(|value| features.access.user_agent(value)),
    };
    Ok(verdict.map_or(Progress::Done, |verdict| decide(screening, &verdict, "uaBlock", pages::WAF)))
}

/// Images for pages of other websites.
pub(crate) fn hotlink(screening: &mut Screening<'_, '_>) -> Ran {
    let Some(features) = features(screening, Product::Hot) else { return Ok(Progress::Done) };
    let switched = screening.ruling.as_ref().and_then(|ruling| ruling.config.hotlink_protection);
    if !switched.unwrap_or(features.hotlink.is_on) {
        return Ok(Progress::Done);
    }
    let head = screening.head;
    let is_refused = with_facts(screening, |facts, _| {
        let host = facts.host_text();
        let mut referers = head.fields.values(Known::Referer);
        referers.any(|referer| features.hotlink.refuses(facts.path(), &host, Some(referer)))
    });
    Ok(if is_refused { decide(screening, &Hotlink::VERDICT, "hot", pages::HOTLINK) } else { Progress::Done })
}

/// Managed transforms of requests.
pub(crate) fn managed_transforms(screening: &mut Screening<'_, '_>) -> Ran {
    let Some(features) = screening.zone.and_then(|zone| zone.features.as_ref()) else {
        return Ok(Progress::Done);
    };
    let transforms = features.transforms;
    let mut location = Vec::new();
    if transforms.add_visitor_location {
        with_facts(screening, |facts, _| {
            let (seen, arena) = (Seen::new(facts, BodyFields::Hidden(0)), Arena::default());
            for (name, field) in LOCATION_HEADERS {
                if let Ok(Value::Bytes(value @ [_, ..])) = seen.get(field, &arena) {
                    location.push((name, value.to_vec()));
                }
            }
        });
    }
    let ip = IpText::new(screening.client.ip);
    let added = screening.ruling.get_or_insert_default().added();
    for (name, value) in location {
        added.fields.append(name.as_bytes(), &value);
    }
    if transforms.add_true_client_ip {
        added.fields.append(b"True-Client-IP", ip.as_bytes());
    }
    if transforms.remove_visitor_ip {
        added.hides_connecting_ip = true;
        added.hides_visitor = true;
        added.forwarded_for = ForwardedFor::WithoutVisitor;
    }
    Ok(Progress::Done)
}

/// The zone's features, unless a rule has this product left out.
fn features<'p>(
    screening: &Screening<'_, 'p>,
    product: Product,
) -> Option<&'p rempart_features::ZoneFeatures> {
    let is_left_out = |ruling: &Ruling<'_>| ruling.is_let_in || ruling.skips.product(product);
    let features = screening.zone?.features.as_deref()?;
    (!screening.ruling.as_deref().is_some_and(is_left_out)).then_some(features)
}

/// What is decided about a request.
fn decide<'p>(
    screening: &mut Screening<'_, 'p>,
    verdict: &Verdict<'p>,
    source: &'static str,
    refusal: Refusal,
) -> Progress {
    let Verdict { id, name, description, mode } = *verdict;
    screening.rule(name);
    let (counted, action) = match mode {
        Mode::Block => ("block", "block"),
        Mode::Challenge => ("challenge", "challenge"),
        Mode::ManagedChallenge => ("managed_challenge", "managedChallenge"),
        Mode::JsChallenge => ("js_challenge", "jschallenge"),
        Mode::Allow => ("allow", "allow"),
    };
    let (ray, seen) = (screening.ray, seen(screening, source));
    let is_final = mode != Mode::Allow;
    let found = Match { id, name, description, ruleset: "", seen, action, source, is_final };
    if let Some(trace) = &screening.core.trace {
        trace.found(&found);
    }
    let ruling = screening.ruling.get_or_insert_default();
    ruling.matched.count(counted);
    ruling.matched.add(found);
    let reply = match mode {
        Mode::Allow => {
            ruling.is_let_in = true;
            return Progress::Done;
        }
        Mode::Block => pages::blocked(ray, refusal),
        Mode::Challenge | Mode::ManagedChallenge | Mode::JsChallenge => pages::challenge(ray),
    };
    ruling.reply = Some(Box::new(reply));
    Progress::Answered
}

/// What such a verdict goes by, in the words of expressions.
fn seen(screening: &Screening<'_, '_>, source: &str) -> Box<str> {
    let of = |what: &str, value: Value<'_>| {
        format!("{what} = {}", shown(value, &Arena::default(), SEEN_BYTES_MAX)).into()
    };
    let field = |known| screening.head.fields.values(known).collect::<Vec<_>>().join(b", ".as_slice());
    match source {
        "uaBlock" => of("http.user_agent", Value::Bytes(&field(Known::UserAgent))),
        "hot" => of("http.referer", Value::Bytes(&field(Known::Referer))),
        _ => of("ip.src", Value::Ip(screening.client.ip)),
    }
}

/// Gives the facts of a request, as rules have made them, to a question.
fn with_facts<T>(screening: &mut Screening<'_, '_>, ask: impl FnOnce(Facts<'_>, std::net::IpAddr) -> T) -> T {
    let Screening { head: own, peer, client, ray, started, zone, ruling, .. } = screening;
    let ruling = &**ruling.get_or_insert_default();
    let facts = Facts {
        own,
        head: ruling.head.as_deref().unwrap_or(own),
        uri: ruling.uri.as_ref(),
        peer,
        client: *client,
        ray,
        seed: &ruling.seed,
        started: *started,
        zone: zone.map_or("", |zone| &zone.name),
        response: None,
    };
    ask(facts, client.ip)
}
