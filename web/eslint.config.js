import js from '@eslint/js';
import jsxA11y from 'eslint-plugin-jsx-a11y';
import globals from 'globals';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

const rawColour = {
  selector: 'Literal[value=/(^|[^&])#[0-9a-fA-F]{3,8}\\b|\\b(rgb|hsl|oklch)a?\\(/]',
  message: 'Colours come from the tokens in styles/tokens.css.',
};

export default tseslint.config(
  { ignores: ['node_modules', 'public', 'e2e/screenshots'] },
  js.configs.recommended,
  tseslint.configs.recommended,
  reactHooks.configs.flat.recommended,
  jsxA11y.flatConfigs.recommended,
  {
    rules: {
      'no-restricted-syntax': ['error', rawColour],
      '@typescript-eslint/consistent-type-imports': 'error',
      // A visible control inside its label is how Field and the option rows are built.
      'jsx-a11y/label-has-associated-control': ['error', { assert: 'either', depth: 3 }],
    },
  },
  {
    // Run by Node, with pieces that run in the browser.
    files: ['e2e/**', 'budget.mjs'],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
  },
  {
    // Features never import each other: what two of them need lies in lib or components.
    files: ['src/lib/**', 'src/components/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['@/features/*', '@/app/*', '!@/app/paths'] }] },
  },
);
