/** What the simulated Seam has, what it takes, and what it refuses. */
import { z } from 'zod';
import type { Random } from '../../drivers/contract/time.ts';

export interface SimulatedMethod {
  readonly access_method_id: string;
  readonly mode: string;
  code: string | null;
  /** When it is in force; a method whose times are changed is revoked until then. */
  issuedAt: number;
  wasIssued: boolean;
  readonly createdAt: string;
}

export interface SimulatedCode {
  readonly access_code_id: string;
  readonly device_id: string;
  code: string;
  name: string | null;
  starts_at: string | null;
  ends_at: string | null;
  /** Of the grant's, where it comes from one. */
  readonly method: string | undefined;
  readonly createdAt: string;
  setAt: number;
  fault?: string;
}

export interface SimulatedGrant {
  readonly access_grant_id: string;
  readonly access_grant_key: string | undefined;
  readonly reservation_key: string | undefined;
  readonly user_identity_id: string;
  readonly device_ids: readonly string[];
  readonly requested: readonly { readonly mode: string; readonly code?: string | undefined }[];
  /** Methods may belong to several grants of one person. */
  readonly methods: string[];
  name: string | null;
  starts_at: string;
  ends_at: string | null;
  readonly createdAt: string;
  /** What it says that it could not do. */
  trouble?: { readonly error_code: string; readonly missing_device_ids: readonly string[] };
}

export interface CloudEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly created_at: string;
  readonly [name: string]: unknown;
}

export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  readonly retryAfter: number | undefined;
  constructor(status: number, type: string, retryAfter?: number) {
    super(type);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

const requestedSchema = z.array(
  z.object({
    mode: z.enum(['code', 'card', 'mobile_key', 'cloud_key']),
    code: z
      .string()
      .regex(/^\d{4,9}$/)
      .optional(),
  }),
);
export const createSchema = z.object({
  user_identity_id: z.string().optional(),
  user_identity: z.looseObject({}).optional(),
  requested_access_methods: requestedSchema,
  device_ids: z.array(z.string()).default([]),
  starts_at: z.string().optional(),
  ends_at: z.string().nullish(),
  name: z.string().nullish(),
  access_grant_key: z.string().optional(),
  reservation_key: z.string().optional(),
});
export const updateSchema = z.object({
  access_grant_id: z.string(),
  starts_at: z.string().optional(),
  ends_at: z.string().nullish(),
  name: z.string().nullish(),
});
export const codeSchema = z.object({
  access_code_id: z.string().optional(),
  device_id: z.string(),
  code: z
    .string()
    .regex(/^\d{4,12}$/)
    .optional(),
  name: z.string().nullish(),
  starts_at: z.string().nullish(),
  ends_at: z.string().nullish(),
});

export function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const read = schema.safeParse(value);
  if (!read.success) throw new Refused(400, 'invalid_input');
  return read.data;
}

export function uuidFrom(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export function digitsFrom(random: Random): string {
  return String(Math.floor(random.fraction() * 1e6)).padStart(6, '0');
}
