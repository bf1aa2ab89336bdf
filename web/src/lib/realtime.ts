import { useEffect, useRef } from 'react';
import { pb } from './pb';
import { queryClient } from './query';
import { checkSession } from './session';
import type { PortalEvent } from './types';

/**
 * The server says that something changed, never what it contains: pages refetch through the same routes as
 * always, so that one rule about who may read serves both.
 */
const topicsOf: Record<string, string[]> = {
  appointments: ['appointments', 'group-bookings'],
  waitlist_entries: ['waitlist'],
  portal_forms: ['forms'],
  form_submissions: ['forms'],
  invoices: ['invoices'],
  payments: ['payments', 'invoices'],
  portal_notifications: ['notifications'],
  client_access: ['profile'],
};

type Callback = (event: PortalEvent) => void;
const callbacks = new Map<string, Set<Callback>>();
const stale = new Set<string>();
let timer: ReturnType<typeof setTimeout> | undefined;

function hear(event: PortalEvent): void {
  for (const topic of topicsOf[event.collection] ?? []) stale.add(topic);
  // A confirmed visit touches an appointment, a form and a notification at once: one refetch for all.
  timer ??= setTimeout(() => {
    timer = undefined;
    const topics = [...stale];
    stale.clear();
    for (const topic of topics) void queryClient.invalidateQueries({ queryKey: [topic] });
  }, 120);
  // Whom one may act for has changed: the session says who is left, and whose record may stay on screen.
  if (event.collection === 'client_access') void checkSession().catch(() => undefined);
  for (const callback of callbacks.get(event.collection) ?? []) callback(event);
  for (const callback of callbacks.get('*') ?? []) callback(event);
}

/**
 * Listens for as long as the component lives. The shell calls this once; features do not need to.
 * After a lost connection everything on screen is fetched again, since events may have been missed.
 */
export function useRealtimeConnection(sessionId: string): void {
  useEffect(() => {
    let connectedBefore = false;
    let gone = false;
    const stops: (() => Promise<void>)[] = [];
    const keep = (stop: () => Promise<void>) => {
      if (gone) void stop().catch(() => undefined);
      else stops.push(stop);
    };
    pb.realtime
      .subscribe('PB_CONNECT', () => {
        if (connectedBefore) void queryClient.invalidateQueries();
        connectedBefore = true;
      })
      .then(keep, () => undefined);
    pb.realtime.subscribe('portal', (event) => hear(event as PortalEvent)).then(keep, () => undefined);
    return () => {
      gone = true;
      for (const stop of stops) void stop().catch(() => undefined);
    };
  }, [sessionId]);
}

/** Calls back for every change of a collection ("appointments", "payments", …, or "*") that concerns the person. */
export function useRealtime(collection: string, callback: Callback): void {
  const latest = useRef(callback);
  useEffect(() => {
    latest.current = callback;
  });
  useEffect(() => {
    const own: Callback = (event) => latest.current(event);
    const group = callbacks.get(collection) ?? new Set();
    callbacks.set(collection, group.add(own));
    return () => {
      group.delete(own);
    };
  }, [collection]);
}
