/** What has to be ended after the tests of a file, also when they never began; the last first. */
export class Endings {
  readonly #all: (() => unknown)[] = [];

  add(end: () => unknown): void {
    this.#all.unshift(end);
  }

  readonly run = async (): Promise<void> => {
    for (const end of this.#all.splice(0)) await end();
  };
}

/** What goes on behind a file's tests: all begins at once, and each test looks at its own. */
export class Courses<Course> {
  readonly #courses = new Map<string, Promise<Course>>();

  begin(name: string, course: Promise<Course>): void {
    // Its test says so; until then it is nobody's unhandled rejection.
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
