import { Service } from '../../core/service.ts';
import type { Element } from '../../xml/element.ts';

/** Who or what an entity is. XEP-0030 §3.1. */
export interface Identity {
  readonly category: string;
  readonly type: string;
  readonly lang?: string;
  readonly name?: string;
}

/** What an entity tells of itself. XEP-0030 §3, XEP-0128. */
export interface DiscoInfo {
  readonly identities: readonly Identity[];
  /** Sorted, each once. */
  readonly features: readonly string[];
  /** Data forms of the type `result`. */
  readonly forms: readonly Element[];
}

/** What other features may ask of service discovery. */
export interface Disco {
  /** What the server tells of itself now. */
  server(): DiscoInfo;
  /** Lets nodes of the server stand for the server itself in disco#info, as those of XEP-0115 do. */
  alias(isAlias: (node: string) => boolean): void;
}

export const discoService = new Service<Disco>('disco');
