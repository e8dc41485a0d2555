import { createHash } from 'node:crypto';
import type { Principal } from '../../domain/principal.ts';
import { type ListingItem, type SessionItem, type Tables, ttlOf } from './entities.ts';

/** Names a principal: of a fixed length, and as JSON no two pairs of issuer and subject are one text. */
export function ownerOf({ issuer, subject }: Principal): string {
  return createHash('sha256')
    .update(JSON.stringify([issuer, subject]))
    .digest('base64url');
}

/**
 * Lists a session under its principal, if it has one. To be written before the session: a listing without its
 * session is passed over, a session without its listing would not be found.
 */
export async function putListing({ listings }: Tables, session: SessionItem): Promise<void> {
  const listing = listingOf(session);
  if (listing === undefined) return;
  await listings
    .put(listing)
    // What is there may be that of a session which this one's creation is about to meet.
    .where((item, { notExists, lt }) => `${notExists(item.ttl)} OR ${lt(item.ttl, listing.ttl)}`)
    .go({ response: 'none', returnOnConditionCheckFailure: true });
}

/** To be called after the session was deleted: until then it must be listed. */
export async function deleteListing({ listings }: Tables, session: SessionItem): Promise<void> {
  const listing = listingOf(session);
  if (listing !== undefined) await listings.delete(listing).go({ response: 'none' });
}

function listingOf({ issuer, subject, createdAt, ref, endsAt }: SessionItem): ListingItem | undefined {
  if (issuer === undefined || subject === undefined) return undefined;
  return { owner: ownerOf({ issuer, subject }), createdAt, ref, ttl: ttlOf(endsAt) };
}
