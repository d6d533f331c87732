//! Where the protocols meet the event loop: what each callback of the reactor means to ws-server.

use std::{net::IpAddr, time::Instant};

use common::proxy::is_trusted;
use reactor::{
    CloseReason, CompactInstant, Context, Exported, Flow, Handler, Progress, Stop, Token, Turn, Wake,
};

use crate::{
    connection::{Connection, Ending, Stage, UNIX_PEER, no_room},
    peers::Mail,
    source::Filling,
    worker::WsHandler,
};

impl Handler for WsHandler {
    type Conn = Connection;
    type Mail = Mail;

    fn on_open(&mut self, cx: &mut Context<'_>) -> (Connection, Flow) {
        cx.set_timeout(self.config.connection.head_timeout);
        (Connection::new(cx.compact_now()), Flow::Continue)
    }

    fn on_data(&mut self, conn: &mut Connection, input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        self.receive(conn, input, cx).0
    }

    fn on_end(&mut self, conn: &mut Connection, input: &mut [u8], cx: &mut Context<'_>) -> Flow {
        match &conn.stage {
            Stage::Opening { .. } => conn.on_opening_end(input, &mut self.env(cx)),
            // `nc` and others close their side after the request, and read on.
            Stage::HttpStream => conn.probe(cx),
            Stage::Publishing(_) => conn.on_body_end(&mut self.env(cx)),
            Stage::Polling(_) => conn.on_poll_end(),
            Stage::WebSocket(_) | Stage::Resting(_) | Stage::Done => Flow::CloseWhenFlushed,
        }
    }

    fn on_drain(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        conn.send_pong(cx);
        conn.on_answer_taken(cx);
        self.stream.skip_outdated(&mut conn.subscription);
        self.send_next(conn, cx)
    }

    fn on_deadline(&mut self, conn: &mut Connection, cx: &mut Context<'_>) -> Flow {
        if conn.is_open() && !conn.extras.beat(conn.framing, cx) {
            return Flow::Continue;
        }
        let flow = match &conn.stage {
            Stage::Opening { .. } if conn.waits_for_client(cx) => Flow::Continue,
            Stage::Opening { .. } => conn.give_up(408, &mut self.env(cx)),
            Stage::Publishing(_) => conn.on_body_deadline(&mut self.env(cx)),
            Stage::Polling(_) => self.on_poll_deadline(conn, cx),
            Stage::WebSocket(_) | Stage::Resting(_) => conn.keep_alive(&self.config.connection, cx),
            Stage::HttpStream => conn.keep_open(&self.config.connection, cx),
            Stage::Done => Flow::Close,
        };
        if flow == Flow::Continue { self.end_vain_wait(conn, cx) } else { flow }
    }

    fn on_stop(&mut self, conn: &mut Connection, stop: Stop, cx: &mut Context<'_>) -> Flow {
        let is_finished = matches!(stop, Stop::Finished | Stop::FinishedForStop);
        if is_finished {
            self.hear_of_end();
            self.has_finished = true;
        }
        if let Stage::Opening { .. } = conn.stage {
            if is_finished && conn.is_between_polls() {
                return self.await_last_poll(cx);
            }
            return conn.give_up(503, &mut self.env(cx));
        }
        if let Stage::Publishing(_) = conn.stage {
            return conn.stop_publishing(&mut self.env(cx));
        }
        if let Stage::Polling(_) = conn.stage {
            return self.end_poll(conn, Some(stop), cx);
        }
        if !is_finished && !conn.is_bounded() {
            self.metrics.notices_missed(self.fanout.send_notices(conn, cx));
        }
        let reads_on = self.stream.clock().is_none() && conn.is_open() && !conn.is_bounded();
        if reads_on && !is_finished {
            self.stream.mark_end();
        }
        if reads_on || is_finished {
            // Queued bytes and the rest of the ring come before the Close: lines that wait for others, that a broadcast is still to bring,
            // or that the socket has had no room for.
            return if conn.finish(stop, cx) { self.on_drain(conn, cx) } else { Flow::Continue };
        }
        conn.stop(stop, &self.config.connection, cx)
    }

    fn export(&mut self, conn: &mut Connection, partial: usize, cx: &mut Context<'_>) -> Option<Exported> {
        if let Stage::Polling(_) = conn.stage {
            self.end_poll(conn, Some(Stop::HandOver), cx);
        }
        let turn = self.stream.turn_of(&conn.subscription);
        conn.export(partial > 0, self.stream.epoch(), self.config.connection.close_timeout, turn, cx)
    }

    fn on_exported(&mut self, now: Instant) {
        self.metrics.log_last_losses();
        self.metrics.publish(now, false);
    }

    fn adopt(
        &mut self,
        state: &[u8],
        written_at: Instant,
        cx: &mut Context<'_>,
    ) -> Option<(Connection, Flow)> {
        let from = self.adopts?;
        let mut conn = Connection::adopt(state, from, written_at, cx)?;
        if conn.owes_pong() {
            cx.want_drain();
        }
        self.resume_publishing(&mut conn, cx)?;
        // This process may have been started with other tokens.
        let revoked = self.revoke_if_due(&mut conn, cx);
        let flow = if conn.is_reading() {
            self.resume_read(&mut conn, cx)
        } else if conn.is_subscriber() {
            self.readmit(&mut conn, cx)
        } else {
            Flow::Continue
        };
        let flow = revoked.unwrap_or(flow);
        if conn.has_closed() {
            return Some((conn, Flow::CloseWhenFlushed));
        }
        if flow == Flow::Continue && conn.is_open() {
            // A sign of life may have fallen due between the two processes.
            conn.extras.beat(conn.framing, cx);
        }
        Some((conn, flow))
    }

    fn on_lost(&mut self, state: &[u8], written_at: Instant, now: Instant) {
        let lost = self.adopts.and_then(|from| Connection::from_bytes(state, from, written_at, written_at));
        if let Some(lost) = lost.filter(Connection::is_subscriber) {
            self.announce(&lost, CompactInstant::new(now, written_at));
        }
    }

    fn on_close(&mut self, conn: Connection, token: Token, why: CloseReason, now: CompactInstant) {
        // A poll that ends is no client that leaves: the next one is the same client.
        let is_client = !matches!(conn.stage, Stage::Polling(_));
        if self.fanout.subscribers.remove(token) && is_client {
            self.metrics.closed(why, conn.ending.map(Ending::name));
            if why != CloseReason::HandedOver {
                self.announce(&conn, now);
            }
        }
        log::trace!("connection {}: {why:?}", conn.id);
        if let Stage::Publishing(publication) = conn.stage {
            self.end_publication(*publication, why);
        }
    }

    fn is_proxy(&self, peer: Option<IpAddr>) -> bool {
        is_trusted(&self.config.access.trusted, peer.unwrap_or(UNIX_PEER))
    }

    fn on_refuse(&mut self) -> &'static [u8] {
        no_room(&self.config.access.admission)
    }

    fn on_mail(&mut self, mail: Mail, turn: &mut Turn<'_, Connection>) {
        match mail {
            Mail::Batch(batch) => {
                self.intake.count_batch();
                self.stream.publish(batch, turn.now());
                self.serve_waiting_reads(turn);
            }
            Mail::Filling(filling) => self.stream.set_filling(filling == Filling::Yes, turn.now()),
            Mail::Source(change) => self.source.update(&change),
            Mail::Ended { well } => self.intake.end(well),
            Mail::Reload(config) => self.reload(config, turn),
        }
    }

    fn on_scrape(&mut self, connections: &mut dyn Iterator<Item = &Connection>) {
        self.metrics.count_connections(connections.map(Connection::labels));
    }

    fn on_turn(&mut self, turn: &mut Turn<'_, Connection>) -> Wake {
        if self.stream.follow_wall_clock(turn.now(), turn.wall()) {
            log::info!("the wall clock was set: the dates follow it");
        }
        self.spread_news(turn);
        self.stream.trim();
        let more = self.fanout.run(
            &mut self.stream,
            &self.source,
            (&self.config.access, &self.config.connection),
            &mut self.metrics,
            turn,
        );
        // In every turn: a stream that never pauses puts off no revocation.
        let has_rechecks = self.recheck_some(turn);
        let has_polls = self.end_due_polls(turn);
        if more || has_rechecks || has_polls {
            self.grant_turns(turn);
            self.metrics.publish(turn.now(), true);
            return Wake::Again;
        }
        self.finish_turn(turn);
        self.grant_turns(turn);
        let subscribers = &self.fanout.subscribers;
        let next_message = self.stream.next_due(|phase| subscribers.next_phase(phase));
        self.metrics.publish(turn.now(), next_message.is_some());
        let next = next_message.into_iter().chain(self.fanout.board().next_due()).min();
        // A read that waits for lines gets them as soon as they come.
        let defers_mail = self.stream.is_coalescing() && self.waiting_reads.is_empty();
        next.map_or(Wake::Idle, if defers_mail { Wake::AtDeferringMail } else { Wake::At })
    }
}
