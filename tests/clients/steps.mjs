// One line a step, and the count at the end decides the exit code.
let passed = 0;
let failed = 0;

// Runs a step that others build on: its failure ends the chapter.
export async function step(name, run) {
  try {
    const result = await run();
    passed += 1;
    console.log(`ok    ${name}`);
    return result;
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n      ${describe(error)}`);
    throw new ChapterEnded();
  }
}

// A row of steps. One that fails does not keep the next chapter from running.
export async function chapter(name, run) {
  console.log(`-- ${name}`);
  try {
    await run();
  } catch (error) {
    if (error instanceof ChapterEnded) return;
    failed += 1;
    console.log(`FAIL  ${name}\n      ${describe(error)}`);
  }
}

export function finish() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

class ChapterEnded extends Error {}

function describe(error) {
  const causes = [];
  for (let at = error; at; at = at.cause) causes.push(at.cause instanceof Response ? `${at.message} (${at.status})` : (at.stack ?? JSON.stringify(at)));
  return causes.join('\n      caused by ').replaceAll('\n', '\n      ');
}
