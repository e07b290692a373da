import tseslint from 'typescript-eslint';
import { entryNamesRule } from './test/entry-names.mjs';

export default tseslint.config(
  { ignores: ['node_modules/', 'reports/', 'fixtures/k6/', 'bin/', '**/*.cjs', '**/*.mjs'] },
  ...tseslint.configs.recommended,
  {
    files: ['src/**/*.ts', 'src/**/*.tsx'],
    plugins: { meshproof: { rules: { 'entry-names': entryNamesRule(import.meta.dirname) } } },
    rules: { 'meshproof/entry-names': 'error' },
  },
  {
    files: ['**/*.ts', '**/*.tsx'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // `using` is about leaving the scope.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreUsingDeclarations: true }],
      '@typescript-eslint/no-unused-expressions': 'off', // chai
    },
  },
);
