/** What one feature offers to others of the same host: a typed name, provided by one feature and used by those below it. */
export class Service<T> {
  readonly name: string;
  declare readonly value: T;

  constructor(name: string) {
    this.name = name;
  }
}

/** The services of one host. */
export class Services {
  readonly #values = new Map<string, unknown>();

  /** Provides a service; returns how to withdraw it. Two providers are an error of the program. */
  provide<T>(service: Service<T>, value: T): () => void {
    if (this.#values.has(service.name)) throw new Error(`two features provide ${service.name}`);
    this.#values.set(service.name, value);
    return () => void this.#values.delete(service.name);
  }

  has(service: Service<unknown>): boolean {
    return this.#values.has(service.name);
  }

  find<T>(service: Service<T>): T | undefined {
    return this.has(service) ? this.use(service) : undefined;
  }

  use<T>(service: Service<T>): T {
    if (!this.has(service)) throw new Error(`nothing provides ${service.name}`);
    // `provide` is the only writer and takes the service's own type.
    return this.#values.get(service.name) as T;
  }
}
