"""Python's h2 by hand: what clients may do and few do."""

import json

import h2.errors
import h2.events
import h2.settings
from h2.settings import SettingCodes

from h2_client import Visitor
from origin import content
from stand import equal

MIB = 1024 * 1024


def check_what_the_program_offers(edge):
    with Visitor(edge) as visitor:
        offered = visitor.h2.remote_settings
        equal(offered.enable_connect_protocol, 1)
        assert offered.max_concurrent_streams >= 100, offered
        assert 65535 <= offered.initial_window_size, offered
        visitor.h2.ping(b'12345678')
        visitor.flush()
        visitor.until(lambda: visitor.saw(0, h2.events.PingAckReceived))


def check_a_window_of_one_byte(edge):
    with Visitor(edge, settings={SettingCodes.INITIAL_WINDOW_SIZE: 1}) as visitor:
        fields, body = visitor.whole(visitor.ask('/bytes/200'))
        equal((fields[':status'], body), ('200', content(200)))


def check_nothing_comes_without_a_window_but_the_head(edge):
    with Visitor(edge, settings={SettingCodes.INITIAL_WINDOW_SIZE: 0}) as visitor:
        stream = visitor.ask('/bytes/5000')
        visitor.until(lambda: visitor.saw(stream, h2.events.ResponseReceived))
        visitor.h2.ping(b'12345678')
        visitor.flush()
        visitor.until(lambda: visitor.saw(0, h2.events.PingAckReceived))
        equal(visitor.body(stream), b'')
        visitor.h2.increment_flow_control_window(3000, stream)
        visitor.flush()
        visitor.until(lambda: len(visitor.body(stream)) >= 3000)
        # A new initial window counts for streams that are open.
        visitor.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 2000})
        visitor.flush()
        visitor.until(lambda: visitor.saw(stream, h2.events.StreamEnded))
        equal(visitor.body(stream), content(5000))


def check_an_urgent_answer_overtakes_a_large_one(edge):
    urgency = [('priority', 'u=7')], [('priority', 'u=0')]
    with Visitor(edge) as visitor:
        large = visitor.ask(f'/bytes/{4 * MIB}', fields=urgency[0])
        # The connection's window is 65,535 bytes: the large one waits for more of it.
        visitor.until(lambda: len(visitor.body(large)) == 65535)
        small = visitor.ask('/bytes/30000', fields=urgency[1])
        visitor.until(lambda: visitor.saw(small, h2.events.ResponseReceived))
        visitor.h2.increment_flow_control_window(30000)
        visitor.flush()
        visitor.until(lambda: visitor.saw(small, h2.events.StreamEnded))
        equal(visitor.body(small), content(30000))
        equal(len(visitor.body(large)), 65535)


def check_old_priorities_change_nothing(edge):
    with Visitor(edge) as visitor:
        first = visitor.ask('/bytes/1000', priority_weight=256, priority_exclusive=True)
        second = visitor.ask('/bytes/2000', priority_weight=1, priority_depends_on=first)
        visitor.h2.prioritize(first, weight=3, depends_on=second)
        visitor.h2.prioritize(101, weight=3, depends_on=second)
        visitor.flush()
        equal(visitor.whole(second)[1], content(2000))
        equal(visitor.whole(first)[1], content(1000))


def check_trailers_reach_the_origin(edge):
    with Visitor(edge) as visitor:
        stream = visitor.ask('/sum', 'POST', [('te', 'trailers'), ('trailer', 'x-sum')], ends=False)
        visitor.upload(stream, b'hello', ends=False)
        visitor.h2.send_headers(stream, [('x-sum', '5')], end_stream=True)
        visitor.flush()
        said = json.loads(visitor.whole(stream)[1])
        equal((said['length'], said['trailers']), (5, [['x-sum', '5']]))


def check_trailers_of_the_origin_arrive(edge):
    with Visitor(edge) as visitor:
        stream = visitor.ask('/trailers', fields=[('te', 'trailers')])
        equal(visitor.whole(stream)[1], b'hello world')
        equal(visitor.saw(stream, h2.events.TrailersReceived)[0].headers, [('x-sum', '11')])


def check_early_hints_and_continue(edge):
    with Visitor(edge) as visitor:
        stream = visitor.ask('/early')
        equal(visitor.whole(stream)[1], b'late')
        interim = visitor.saw(stream, h2.events.InformationalResponseReceived)
        equal([dict(event.headers) for event in interim], [{':status': '103', 'link': '</style.css>; rel=preload'}])
        stream = visitor.ask('/sum', 'POST', [('expect', '100-continue'), ('content-length', '5')], ends=False)
        visitor.until(lambda: visitor.saw(stream, h2.events.InformationalResponseReceived))
        equal(visitor.saw(stream, h2.events.InformationalResponseReceived)[0].headers, [(':status', '100')])
        visitor.upload(stream, b'hello')
        equal(json.loads(visitor.whole(stream)[1])['length'], 5)


def check_both_directions_at_once(edge):
    with Visitor(edge) as visitor:
        stream = visitor.ask('/echo', 'POST', ends=False)
        sent = 0
        for count in [1, 10, 1000, 30000, 1]:
            visitor.upload(stream, content(60000)[sent:sent + count], ends=False)
            sent += count
            # Each comes back before the next goes.
            visitor.until(lambda: len(visitor.body(stream)) == sent)
        visitor.h2.end_stream(stream)
        visitor.flush()
        equal(visitor.whole(stream)[1], content(60000)[:sent])


def check_a_reset_harms_no_other_stream(edge):
    with Visitor(edge) as visitor:
        left = [visitor.ask('/bytes/100000') for _ in range(10)]
        kept = visitor.ask('/bytes/3000')
        for stream in left:
            visitor.h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        visitor.flush()
        visitor.h2.increment_flow_control_window(2 * MIB)
        equal(visitor.whole(kept)[1], content(3000))
        equal(visitor.whole(visitor.ask('/bytes/4000'))[1], content(4000))
