// The one place that imports @peculiar/x509: it throws unless reflect-metadata was loaded first.
import 'reflect-metadata';

export * as x509 from '@peculiar/x509';
