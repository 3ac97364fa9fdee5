/** Ends resources after the tests of a file, even if no test ran; the last first. */
export class Endings {
  readonly #all: (() => unknown)[] = [];

  add(end: () => unknown): void {
    this.#all.unshift(end);
  }

  readonly run = async (): Promise<void> => {
    for (const end of this.#all.splice(0)) await end();
  };
}

/** Background work of a file's tests: everything starts at once, and each test checks its own part. */
export class Courses<Course> {
  readonly #courses = new Map<string, Promise<Course>>();

  begin(name: string, course: Promise<Course>): void {
    // The test reports it. Until then it must not be an unhandled rejection.
    course.catch(() => undefined);
    this.#courses.set(name, course);
  }

  async of(name: string): Promise<Course> {
    const course = this.#courses.get(name);
    if (!course) throw new Error(`${name} never began`);
    return course;
  }

  async ended(): Promise<void> {
    await Promise.allSettled(this.#courses.values());
  }
}
