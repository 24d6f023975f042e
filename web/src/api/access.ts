// People and programs: who is signed in, what they may, and who else there is.

import { useQuery } from "@tanstack/react-query";
import { call, type Page } from "./client";

export type Role = "admin" | "operator" | "publisher" | "viewer";

export type Permission =
  | "use_own_account"
  | "read_fleet"
  | "publish_releases"
  | "prepare_patches"
  | "manage_devices"
  | "label_observations"
  | "operate_rollouts"
  | "acknowledge_alerts"
  | "manage_rules"
  | "admit_devices"
  | "manage_people"
  | "read_audit"
  | "read_notifications"
  | "manage_notifications";

export interface Me {
  user: { name: string; role: Role };
  permissions: Permission[];
  csrf: string;
}

export interface Token {
  id: number;
  name: string;
  role: Role;
  effective_role: Role; // what its maker may still do of it
  created_by: string;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  last_used_at: string | null;
}

export interface User {
  id: number;
  name: string;
  role: Role;
  has_password: boolean;
  created_at: string;
  disabled_at: string | null;
}

export const useMe = () => useQuery({ queryKey: ["me"], queryFn: () => call<Me>("/me"), retry: false, staleTime: Infinity });
export const useTokens = () => useQuery({ queryKey: ["tokens"], queryFn: () => call<Page<Token>>("/tokens") });
export const useUsers = () => useQuery({ queryKey: ["users"], queryFn: () => call<Page<User>>("/users") });
