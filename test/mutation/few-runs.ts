import fc from 'fast-check';

// A change is noticed in the first cases of a property, or by a case that is written out.
fc.configureGlobal({ numRuns: 10 });
