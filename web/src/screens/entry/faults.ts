import { useTranslation } from "react-i18next";
import { ApiError } from "../../core/api";

export interface Given {
  readonly name: string;
  readonly email: string;
  readonly password: string;
  readonly age: boolean;
  readonly accepted: boolean;
}

export interface Faults {
  name?: "needName";
  email?: "needEmail";
  password?: "needPassword";
  age?: "needAge";
  accepted?: "needTerms";
}

/** What is missing, told at once and beside its field; the service checks all of it again. */
export function faultsOf(way: "guest" | "login" | "register" | "upgrade", given: Given): Faults {
  const faults: Faults = {};
  const chars = Array.from(given.password).length;
  if (way === "register" && given.name.trim() === "") faults.name = "needName";
  if (way !== "guest") {
    if (!/^[^\s@]+@[^\s@]+$/u.test(given.email.trim())) faults.email = "needEmail";
    if (way === "login" ? chars === 0 : chars < 8 || chars > 256) faults.password = "needPassword";
  }
  if (way === "guest" || way === "register") {
    if (!given.age) faults.age = "needAge";
    if (!given.accepted) faults.accepted = "needTerms";
  }
  return faults;
}

/** A refusal by the service in words that help. */
export function useSentence(): (error: unknown) => string {
  const { t } = useTranslation();
  return (error) => {
    if (!(error instanceof ApiError)) return t("error.other");
    switch (error.code) {
      case "rate_limited":
        return error.retryAfterSeconds === null
          ? t("error.rate_limited_plain")
          : t("error.rate_limited", { seconds: Math.ceil(error.retryAfterSeconds) });
      case "bad_request":
        return t("error.bad_request", { message: error.message });
      case "unreachable":
      case "bad_credentials":
      case "address_unusable":
      case "busy":
      case "database_unavailable":
      case "already_registered":
        return t(`error.${error.code}`);
      default:
        return t("error.other");
    }
  };
}
